//! A queue is of one environment (seed 004, entity 6 and cross-entity 3; SPEC Q1). In: given queues. Out: deployments of
//! another, or in a state that does not wait.

use tagboat_core::diagnostic::Diagnostic;

use super::given::{Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::queue-environment",
    says: "a queue's deployments are of its environment and wait; one at most is under way",
    look,
};

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for queue in of_kind(facts.given, Kind::Queue) {
        let name = queue.environment("environment").unwrap_or_default();
        if facts.environments.find(name).is_none() {
            let message = format!("{name:?} is no environment");
            told.push(queue.wrong(
                RULE,
                "environment",
                message,
                "expected a folder below environments/",
            ));
        }
        let current = queue.get("current_deployment");
        for item in queue.list("queue") {
            if item.text("status") != Some("queued") {
                let message = "what waits in a queue is queued";
                told.push(item.wrong(RULE, "status", message, "expected `queued`"));
            }
        }
        for item in queue.list("queue").into_iter().chain(current) {
            let other = item.environment("environment").unwrap_or_default();
            if other != name {
                let message = format!("a deployment to {other:?} is in the queue of {name:?}");
                told.push(item.wrong(RULE, "environment", message, format!("expected `{name}`")));
            }
        }
        if let Some(current) = current
            && !matches!(current.text("status"), Some("in_progress" | "health_check"))
        {
            let message = "the current deployment of a queue is under way";
            let label = "expected `in_progress` or `health_check`";
            told.push(current.wrong(RULE, "status", message, label));
        }
        if current.is_some() != queue.time("locked_at").is_some() {
            let (message, label) = if current.is_some() {
                ("a queue with a current deployment says since when", "expected a time")
            } else {
                ("a queue without a current deployment is not locked", "expected null")
            };
            told.push(queue.wrong(RULE, "locked_at", message, label));
        }
    }
    told
}
