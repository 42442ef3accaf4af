//! The front door: arguments in, rooms in order, exit status out.

mod cli;
mod commands;
mod context;
mod files;
mod interrupt;
mod report;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use tagboat_core::diagnostic::Exit;

use crate::context::Context;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = match cli::Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return terminal::usage(&error),
    };
    let terminal = Terminal::new(&arguments.output, arguments.verb.word());
    let verb = &arguments.verb;
    let outcome = context::enter(&arguments.folder).and_then(|()| {
        commands::run_anywhere(verb, &terminal).unwrap_or_else(|| {
            Context::open(&terminal).and_then(|context| commands::run(verb, &context))
        })
    });
    let exit = match outcome {
        Ok(exit) => exit,
        Err(diagnostic) => {
            let exit = diagnostic.exit;
            terminal.error(&diagnostic);
            exit
        }
    };
    let exit = match terminal.lost_output() {
        // Who wanted to be told something, and was not, is not served.
        Some(lost) if exit == Exit::Done && verb.only_tells() => {
            terminal.error_aside(&lost);
            lost.exit
        }
        // What was changed is changed, told or not; and a failure stays one.
        Some(lost) => {
            terminal.warn(&lost.message);
            exit
        }
        None => exit,
    };
    ExitCode::from(exit.status())
}
