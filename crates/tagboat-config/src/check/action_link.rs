//! Given action links (seed 004, entity 10; SPEC P2). In: records, and the links of reports. Out: labels, addresses and
//! categories that break a rule.

use tagboat_core::diagnostic::Diagnostic;

use super::given::{Item, Kind, of_kind};
use super::{Facts, Rule};

pub(super) const RULE: Rule = Rule {
    code: "check::action-link",
    says: "an action link has a label of 5 to 50 characters, a page of the forge's Actions and its category",
    look,
};

const CATEGORIES: [&str; 5] = ["deployment", "release", "maintenance", "rollback", "state"];

fn look(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    let in_reports = of_kind(facts.given, Kind::Report).flat_map(|item| item.list("action_links"));
    for item in of_kind(facts.given, Kind::ActionLink).chain(in_reports) {
        link(item, &mut told);
    }
    told
}

fn link(item: Item<'_>, told: &mut Vec<Diagnostic>) {
    let label = item.text("label").unwrap_or_default();
    if !(5..=50).contains(&label.chars().count()) {
        let message = "a label has 5 to 50 characters";
        told.push(item.wrong(RULE, "label", message, "expected another"));
    }
    // Without a forge there is no page (SPEC P2).
    if item.get("url").is_some() && !item.text("url").is_some_and(is_actions_page) {
        let message = "`url` is no page of the forge's Actions";
        told.push(item.wrong(RULE, "url", message, "expected https://HOST/OWNER/NAME/actions/…"));
    }
    let category = item.text("category").unwrap_or_default();
    if !CATEGORIES.contains(&category) {
        let message = format!("{category:?} is no category");
        told.push(item.wrong(
            RULE,
            "category",
            message,
            format!("expected {}", CATEGORIES.join(", ")),
        ));
    } else if let Some(fitting) = fitting(item.text("command").unwrap_or_default())
        && !fitting.contains(&category)
    {
        let message = format!("the command is no {category}");
        told.push(item.wrong(
            RULE,
            "category",
            message,
            format!("expected {}", fitting.join(" or ")),
        ));
    }
}

/// What a command may be said to be: a deployment may be one that mends.
fn fitting(command: &str) -> Option<&'static [&'static str]> {
    match command.strip_prefix("tagboat ")?.split(' ').next()? {
        "deploy" | "promote" => Some(&["deployment", "maintenance"]),
        "rollback" => Some(&["rollback"]),
        "release" | "publish" => Some(&["release"]),
        "status" | "history" | "mark" => Some(&["state"]),
        _ => None,
    }
}

fn is_actions_page(url: &str) -> bool {
    let parts = url.strip_prefix("https://").map(|rest| rest.split('/').collect::<Vec<_>>());
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b))
    };
    parts.is_some_and(|parts| match parts[..] {
        [host, owner, name, "actions", ref rest @ ..] => {
            [host, owner, name].into_iter().all(plain) && rest.iter().all(|part| plain(part))
        }
        _ => false,
    })
}
