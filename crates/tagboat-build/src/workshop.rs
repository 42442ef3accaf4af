//! One attempt at work. In: an open root and steps. Out: finished packages in the attempt's folder, or the step
//! that failed, with what its program printed last.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use tagboat_core::command::Command;
use tagboat_core::diagnostic::Result;
use tagboat_core::ports::{Network, Output, Root, RunError, Scope};
use tagboat_deb::Architecture;
use tagboat_deb::read::{Depth, Limits, read_deb};

use crate::Ports;
use crate::apply::Built;
use crate::inside::{self, Astray};
use crate::log::Log;
use crate::pack::pack;
use crate::plan::{Attempt, Flags, Packing, Plan, Step};
use crate::print::Shown;
use crate::refusal::{self, CommandFailure};
use crate::stage::{Staging, Taken};
use crate::staged::stage_folder;

/// What an attempt knows between its steps.
pub(crate) struct Workshop<'a> {
    plan: &'a Plan,
    attempt: &'a Attempt,
    root: &'a dyn Root,
    log: &'a Log<'a>,
    log_file: &'a Path,
    flags: Vec<(String, String)>,
    taken: Taken,
    libraries: Vec<String>,
    built: Vec<Built>,
}

impl<'a> Workshop<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        attempt: &'a Attempt,
        root: &'a dyn Root,
        log: &'a Log<'a>,
        log_file: &'a Path,
    ) -> Self {
        Self {
            plan,
            attempt,
            root,
            log,
            log_file,
            flags: Vec::new(),
            taken: Taken::default(),
            libraries: Vec::new(),
            built: Vec::new(),
        }
    }

    pub(crate) fn into_built(self) -> Vec<Built> {
        self.built
    }

    pub(crate) fn perform(
        &mut self,
        scope: &Scope<'_>,
        ports: &Ports<'_>,
        step: &Step,
    ) -> Result<()> {
        match step {
            Step::Export => {
                let source = self.attempt.folder.join("source");
                let exported = ports.repository.export(scope, &self.plan.commit.sha, &source);
                exported.map_err(|error| refusal::export_failed(&error))
            }
            Step::Run { command, flags } => {
                self.run(scope, command, *flags)?;
                Ok(())
            }
            Step::ReadFlags { command } => {
                let output = self.run(scope, command, Flags::Left)?;
                self.flags = compiler_flags(&output.text());
                if self.flags.is_empty() {
                    return Err(refusal::unreadable("dpkg-buildflags", "it names no flags"));
                }
                Ok(())
            }
            Step::Stage { package, control, files, programs } => {
                let staging = Staging {
                    folder: &self.attempt.folder,
                    package,
                    programs: *programs,
                    log: self.log_file,
                };
                self.taken = staging.take(files, control)?;
                Ok(())
            }
            Step::Strip { command } => {
                for program in self.programs() {
                    self.run(scope, &command.clone().arg(program), Flags::Left)?;
                }
                Ok(())
            }
            Step::FindLibraries { command } => {
                let programs = self.programs();
                if programs.is_empty() {
                    return Ok(());
                }
                let output = self.run(scope, &command.clone().args(programs), Flags::Left)?;
                self.libraries = libraries(&output.text())
                    .map_err(|line| refusal::unreadable("dpkg-shlibdeps", line))?;
                Ok(())
            }
            Step::Pack(packing) => self.pack(packing),
            Step::Collect { project } => self.collect(project),
        }
    }

    /// The staged programs, as paths from the stage.
    fn programs(&self) -> Vec<String> {
        let folder = stage_folder(&self.plan.package);
        let inner = folder.strip_prefix("stage/").unwrap_or(&folder);
        self.taken.programs.iter().map(|program| format!("{inner}/{program}")).collect()
    }

    fn run(&self, scope: &Scope<'_>, command: &Command, flags: Flags) -> Result<Output> {
        let mut whole = command.clone();
        whole.env = self.attempt.variables.clone();
        if flags == Flags::Given {
            whole.env.extend(self.flags.iter().cloned());
        }
        whole.env.extend(command.env.iter().cloned());
        self.log.note(&format!("$ {}", Shown(command)));
        // What an earlier program printed is not this one's.
        drop(self.log.take_last());
        let how = match self.root.runner(Network::Loopback).run(scope, &whole) {
            Ok(output) if output.success() => return Ok(output),
            Ok(Output { status: Some(status), .. }) => format!("exit status {status}"),
            Ok(_) => "a signal ended it".to_owned(),
            Err(RunError::Cancelled) => return Err(refusal::interrupted()),
            Err(error) => error.to_string(),
        };
        let failure = CommandFailure {
            command: Shown(command).to_string(),
            how,
            lines: self.log.take_last(),
            log: self.log_file,
            folder: &self.attempt.folder,
        };
        Err(failure.diagnostic())
    }

    fn pack(&mut self, packing: &Packing) -> Result<()> {
        let file = self.attempt.folder.join("package.deb");
        let written = pack(packing, &self.taken.entries, &self.libraries, &file)?;
        let architecture = architecture(&written.control, self.log_file)?;
        self.built.push(Built {
            file,
            architecture,
            control: written.control,
            size: written.digests.size,
            sha256: written.digests.sha256.to_string(),
        });
        Ok(())
    }

    /// Takes every package that `debian/files` names (deb-src-files(5)).
    fn collect(&mut self, project: &str) -> Result<()> {
        let no_package = |why: String| refusal::no_package(why, self.log_file);
        let list = format!("{project}/debian/files");
        let text = inside::read_text(&self.attempt.folder, &list)
            .map_err(|astray| no_package(format!("{list} {}", told(&astray))))?
            .ok_or_else(|| no_package(format!("{list} is missing")))?;
        let parent = project.rsplit_once('/').map(|(parent, _)| format!("{parent}/"));
        let mut built = Vec::new();
        for name in text.lines().filter_map(|line| line.split(' ').next()) {
            if !name.ends_with(".deb") {
                continue;
            }
            let path = format!("{}{name}", parent.as_deref().unwrap_or_default());
            let file = inside::resolve(&self.attempt.folder, &path)
                .map_err(|astray| no_package(format!("{name} {}", told(&astray))))?;
            built.push(self.read_package(name, &file)?);
        }
        if built.is_empty() {
            return Err(no_package(format!("{list} names no package")));
        }
        self.built.extend(built);
        Ok(())
    }

    fn read_package(&self, name: &str, file: &Path) -> Result<Built> {
        let wrong = |why: String| refusal::no_package(format!("{name}: {why}"), self.log_file);
        let meta = fs::metadata(file).map_err(|error| wrong(error.to_string()))?;
        if !meta.is_file() {
            return Err(wrong("it is no file".to_owned()));
        }
        let opened = File::open(file).map_err(|error| wrong(error.to_string()))?;
        let record = read_deb(BufReader::new(opened), Depth::Control, &Limits::default())
            .map_err(|error| wrong(error.to_string()))?;
        let architecture = architecture(&record.control, self.log_file)?;
        let target = self.attempt.target.debian();
        if architecture != Architecture::All && architecture.as_str() != target {
            return Err(wrong(format!("it is for {architecture}, not for {target}")));
        }
        Ok(Built {
            file: file.to_owned(),
            architecture,
            control: record.control,
            size: record.digests.size,
            sha256: record.digests.sha256.to_string(),
        })
    }
}

fn told(astray: &Astray) -> String {
    match astray {
        Astray::Missing => "is missing".to_owned(),
        Astray::Outside => "leads out of the tree that was built".to_owned(),
        Astray::Io(error) => format!("cannot be read: {error}"),
    }
}

fn architecture(control: &tagboat_deb::Paragraph, log: &Path) -> Result<Architecture> {
    let word = control.get("Architecture").unwrap_or_default();
    word.parse().map_err(|error: tagboat_deb::Error| refusal::no_package(error.to_string(), log))
}

/// The lines of `dpkg-buildflags --dump`.
fn compiler_flags(text: &str) -> Vec<(String, String)> {
    let flag = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let known = name.ends_with("FLAGS") && name.bytes().all(|byte| byte.is_ascii_uppercase());
        known.then(|| (name.to_owned(), value.to_owned()))
    };
    text.lines().filter_map(flag).collect()
}

/// The relations in the answer of `dpkg-shlibdeps -O`: substitution variables, one a line (deb-substvars(5)).
fn libraries(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let list = line.strip_prefix("shlibs:Depends=").ok_or_else(|| line.to_owned())?;
        found.extend(list.split(", ").map(str::trim).filter(|e| !e.is_empty()).map(str::to_owned));
    }
    Ok(found)
}

impl Step {
    /// A few words for those who watch.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Export => "export".to_owned(),
            Self::Run { command, .. } | Self::ReadFlags { command } => {
                // The program that setpriv starts is the news.
                let behind = command.args.iter().skip_while(|word| *word != "--").nth(1);
                let started = behind.filter(|_| command.program == "setpriv");
                started.unwrap_or(&command.program).clone()
            }
            Self::Stage { .. } => "take files".to_owned(),
            Self::Strip { .. } => "strip".to_owned(),
            Self::FindLibraries { .. } => "dpkg-shlibdeps".to_owned(),
            Self::Pack(_) => "pack".to_owned(),
            Self::Collect { .. } => "take packages".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_libraries_are_read_as_dpkg_prints_them() {
        let flags =
            compiler_flags("CFLAGS=-g -O2 -ffile-prefix-map=/build=.\nASFLAGS=\nPATH=/x\nx\n");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            flags,
            [pair("CFLAGS", "-g -O2 -ffile-prefix-map=/build=."), pair("ASFLAGS", "")]
        );
        assert_eq!(
            libraries("shlibs:Depends=libc6 (>= 2.34), libssl3 | libssl1.1\n"),
            Ok(vec!["libc6 (>= 2.34)".to_owned(), "libssl3 | libssl1.1".to_owned()])
        );
        assert_eq!(libraries("\n"), Ok(vec![]));
        assert_eq!(libraries("oops"), Err("oops".to_owned()));
    }
}
