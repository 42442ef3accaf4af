//! The front door: arguments in, rooms in order, exit status out.

mod cli;
mod commands;
mod context;
mod interrupt;
mod report;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use crate::context::Context;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = match cli::Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return terminal::usage(&error),
    };
    let terminal = Terminal::new(&arguments.output, arguments.verb.word());
    let outcome = match commands::run_anywhere(&arguments.verb, &terminal) {
        Some(outcome) => outcome,
        None => Context::open(&arguments, &terminal)
            .and_then(|context| commands::run(&arguments.verb, &context)),
    };
    let exit = match outcome {
        Ok(exit) => exit,
        Err(diagnostic) => {
            let exit = diagnostic.exit;
            terminal.error(&diagnostic);
            exit
        }
    };
    // Whoever reads us may go away, as `head` does: that is no failure, and hides none.
    ExitCode::from(exit.status())
}
