//! A plan as people read it. In: the plan. Out: text: every step in order, every command as one could type it.

use std::fmt;

use tagboat_core::command::{Command, Input};
use tagboat_core::ports::RootSpec;

use crate::plan::{Attempt, Flags, Job, Plan, Programs, Step};
use crate::request::Parallel;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, version, commit, out, .. } = self;
        writeln!(f, "build {package} {version} from {}", commit.sha.short())?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        self.jobs.iter().try_for_each(|job| job.fmt(f))?;
        if self.jobs.len() > 1 {
            let order = match self.parallel {
                Parallel::Parallel => "side by side",
                Parallel::OneAfterAnother => "one after the other",
            };
            writeln!(f, "the {} builds run {order}", self.jobs.len())?;
        }
        writeln!(f, "the packages appear in {}", out.display())
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, attempt) in self.attempts.iter().enumerate() {
            let Attempt { strategy, reason, .. } = attempt;
            if number == 0 {
                writeln!(f, "{}: {strategy} ({reason})", self.label)?;
                attempt.fmt(f)?;
            } else {
                writeln!(f, "{}: else {strategy} ({reason})", self.label)?;
                writeln!(f, "  root   {}", Root(&attempt.root))?;
                writeln!(f, "  the same steps, for a native build")?;
            }
        }
        writeln!(f, "  log    {}", self.log.display())
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        writeln!(f, "  root   {}", Root(&self.root))?;
        for bind in self.binds() {
            writeln!(f, "  bind   {} on {}", bind.from.display(), bind.to)?;
        }
        for (name, value) in &self.variables {
            writeln!(f, "  set    {}", tagboat_core::command::quote(&format!("{name}={value}")))?;
        }
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

struct Root<'a>(&'a RootSpec);

impl fmt::Display for Root<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RootSpec { architecture, foreign, mirrors, packages, build_depends } = self.0;
        let suite = mirrors.first().map_or("no suite", |mirror| mirror.suite.as_str());
        write!(f, "{suite} {architecture}")?;
        for other in foreign {
            write!(f, " and {other}")?;
        }
        write!(f, " with {}", packages.join(" "))?;
        if let Some(build) = build_depends {
            write!(f, " and the build dependencies for {}", build.host)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Export => writeln!(f, "  export the commit to source"),
            Self::Run { command, flags } => {
                let with = if *flags == Flags::Given { ", with the compiler flags" } else { "" };
                writeln!(f, "  run    {}{with}", Shown(command))?;
                match &command.input {
                    Input::Bytes(bytes) => {
                        let text = String::from_utf8_lossy(bytes);
                        text.lines().try_for_each(|line| {
                            writeln!(f, "{}", format!("         | {line}").trim_end())
                        })
                    }
                    Input::Closed | Input::File(_) | Input::Secret(_) => Ok(()),
                }
            }
            Self::ReadFlags { command } => writeln!(f, "  ask    {}", Shown(command)),
            Self::Stage { files, programs, .. } => {
                let programs = match programs {
                    Programs::For(target) => format!("programs only for {target}"),
                    Programs::Refused => "no programs".to_owned(),
                };
                writeln!(f, "  take   {} files, {programs}", files.len())?;
                files.iter().try_for_each(|file| {
                    let mode =
                        file.mode.map_or_else(|| "auto".to_owned(), |mode| format!("{mode:04o}"));
                    writeln!(f, "         {mode} {:?} {} -> /{}", file.kind, file.from, file.to)
                })
            }
            Self::Strip { command } => writeln!(f, "  each   {} PROGRAM", Shown(command)),
            Self::FindLibraries { command } => writeln!(f, "  ask    {} PROGRAMS", Shown(command)),
            Self::Pack(packing) => {
                writeln!(f, "  pack")?;
                for line in packing.control.to_string().lines() {
                    writeln!(f, "         {line}")?;
                }
                let given: String =
                    packing.depends.iter().map(|entry| format!(", {entry}")).collect();
                writeln!(f, "         Depends: LIBRARIES{given}")?;
                for path in packing.generated.keys() {
                    writeln!(f, "         0644 made here -> /{path}")?;
                }
                for file in packing.scripts.keys() {
                    writeln!(f, "         maintainer script {}", file.name())?;
                }
                Ok(())
            }
            Self::Collect { project } => {
                writeln!(f, "  take   the packages that {project}/debian/files names")
            }
        }
    }
}

/// A command with the folder it starts in.
pub(crate) struct Shown<'a>(pub(crate) &'a Command);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.0.folder.as_ref().map_or(Ok(()), |folder| write!(f, " (in {})", folder.display()))
    }
}
