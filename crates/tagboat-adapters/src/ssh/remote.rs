//! The remote form of a command. In: a command. Out: the one line that ssh hands to the login shell.

use std::time::Duration;

use tagboat_core::command::{Command, quote};
use tagboat_core::ports::RunError;

/// `timeout … env … program args`, each word quoted: the shell only splits it into what it was.
///
/// `env` sets the folder and the variables, timeout(1) ends the program's own process group on the host, where
/// our signals do not reach.
pub(super) fn words(command: &Command, bound: Option<Duration>) -> Result<String, RunError> {
    let program = &command.program;
    // env(1) would take these for an option or a variable.
    if program.is_empty() || program.starts_with('-') || program.contains('=') {
        return Err(RunError::Io(format!("{program:?} cannot be a program's name on a host")));
    }
    let mut words: Vec<String> = Vec::new();
    if let Some(bound) = bound {
        let bound = format!("{:.3}", bound.as_secs_f64());
        words.extend(["timeout", "--kill-after=2", &bound].map(str::to_owned));
    }
    words.push("env".to_owned());
    if let Some(folder) = &command.folder {
        let Some(folder) = folder.to_str() else {
            return Err(RunError::Io(format!("{} is not UTF-8", folder.display())));
        };
        words.push(format!("--chdir={folder}"));
    }
    words.extend(["LC_ALL=C.UTF-8".to_owned(), "TZ=UTC".to_owned()]);
    for (name, value) in &command.env {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || !name.bytes().all(plain)
        {
            return Err(RunError::Io(format!("{name:?} is no variable's name")));
        }
        words.push(format!("{name}={value}"));
    }
    words.push(program.clone());
    words.extend(command.args.iter().cloned());
    if words.iter().any(|word| word.contains('\0')) {
        return Err(RunError::Io("an argument contains a NUL byte".to_owned()));
    }
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    Ok(quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remote_form_is_one_line_of_quoted_words() {
        let command = Command::new("tar").args(["-x", "it's"]).env("A", "$(id)").folder("/srv/a b");
        assert_eq!(
            words(&command, Some(Duration::from_millis(1500))).unwrap(),
            "timeout --kill-after=2 1.500 env '--chdir=/srv/a b' LC_ALL=C.UTF-8 TZ=UTC 'A=$(id)' tar \
             -x 'it'\\''s'"
        );
    }

    #[test]
    fn what_env_would_read_otherwise_is_refused() {
        for program in ["", "-S", "A=b"] {
            assert!(words(&Command::new(program), None).is_err(), "{program:?}");
        }
        for name in ["", "A B", "1A", "-i", "A=B"] {
            assert!(words(&Command::new("x").env(name, "v"), None).is_err(), "{name:?}");
        }
        assert!(words(&Command::new("x").arg("a\0b"), None).is_err());
    }
}
