//! Ctrl-C. In: signals. Out: the first asks everything to stop and undo; the second leaves at once.

use tagboat_core::diagnostic::Exit;
use tagboat_core::ports::Cancel;

/// From now on SIGINT, SIGTERM and SIGHUP cancel this run. A deployment that has changed a host goes back
/// before it ends; the second signal leaves it as it is.
pub(crate) fn listen(cancel: &Cancel) {
    let cancel = cancel.clone();
    let heard = ctrlc::set_handler(move || {
        if cancel.is_cancelled() {
            #[expect(clippy::exit, reason = "the second Ctrl-C leaves, wherever we are")]
            std::process::exit(i32::from(Exit::Interrupted.status()));
        }
        cancel.cancel();
    });
    // Without a handler a signal ends the program, as it does every other one.
    drop(heard);
}
