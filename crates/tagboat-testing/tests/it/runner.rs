//! The fake runner against the contract.

use tagboat_core::command::{Command, Input};
use tagboat_core::ports::{Cancel, RunError, Runner as _, Scope, Silent};
use tagboat_testing::fake::{FakeRunner, exited};

/// Told what the programs of the contract do.
fn told() -> FakeRunner {
    FakeRunner::new()
        .on(&["true"], Ok(exited(0, "")))
        .on(&["false"], Ok(exited(1, "")))
        .rule(|command| {
            let echo = command.program == "echo";
            echo.then(|| Ok(exited(0, format!("{}\n", command.args.join(" ")))))
        })
        .rule(|command| match (command.program.as_str(), &command.input) {
            ("cat", Input::Bytes(bytes)) => Some(Ok(exited(0, bytes.clone()))),
            _ => None,
        })
}

tagboat_testing::runner_contract!(Some(told()));

#[test]
fn it_remembers_what_it_was_asked_and_answers_in_turn() {
    let runner = FakeRunner::new()
        .on_each(&["systemctl", "is-active"], vec![Ok(exited(3, "")), Ok(exited(0, "active"))]);
    let scope = Scope::new("x", &Silent, Cancel::default());
    let command = Command::new("systemctl").args(["is-active", "api"]);
    let statuses = [1, 2, 3].map(|_| runner.run(&scope, &command).unwrap().status);
    assert_eq!(statuses, [Some(3), Some(0), Some(0)]);
    assert_eq!(runner.run(&scope, &Command::new("rm")), Err(RunError::NotFound));
    assert_eq!(runner.asked_lines()[2..], ["systemctl is-active api", "rm"]);
}
