use proptest::prelude::*;

use super::*;

fn change(text: &str) -> Option<Change> {
    Message::parse(text).change()
}

#[test]
fn the_specifications_own_examples_are_read_as_it_says() {
    // The examples of conventionalcommits.org 1.0.0, in its order.
    let text = "feat: allow provided config object to extend other configs\n\n\
                BREAKING CHANGE: `extends` key in config file is now used for extending other config files";
    let message = Message::parse(text);
    assert_eq!(message.header.unwrap().kind, "feat");
    assert_eq!(message.body, "");
    assert!(message.breaking().unwrap().starts_with("`extends` key"));

    let text = "feat!: send an email to the customer when a product is shipped";
    assert_eq!(change(text), Some(Change::Breaking));

    let header = Message::parse("feat(api)!: send an email").header.unwrap();
    assert_eq!((header.scope, header.mark), (Some("api"), Mark::Breaking));

    let text = "feat!: drop support for Node 6\n\nBREAKING CHANGE: use JavaScript features not available in Node 6.";
    assert_eq!(
        Message::parse(text).breaking(),
        Some("use JavaScript features not available in Node 6.")
    );

    assert_eq!(change("docs: correct spelling of CHANGELOG"), None);

    let header = Message::parse("feat(lang): add Polish language").header.unwrap();
    assert_eq!((header.scope, header.description), (Some("lang"), "add Polish language"));

    let text = "fix: prevent racing of requests\n\n\
                Introduce a request id and a reference to latest request. Dismiss\n\
                incoming responses other than from latest request.\n\n\
                Remove timeouts which were used to mitigate the racing issue but are\n\
                obsolete now.\n\nReviewed-by: Z\nRefs: #123";
    let message = Message::parse(text);
    assert_eq!(message.change(), Some(Change::Patch));
    assert!(message.body.starts_with("Introduce") && message.body.ends_with("obsolete now."));
    let footers: Vec<_> = message.footers.iter().map(|it| (it.token, it.value)).collect();
    assert_eq!(footers, [("Reviewed-by", "Z"), ("Refs", "#123")]);
}

#[test]
fn each_type_asks_for_what_its_users_get() {
    use Change::{Breaking, Feature, Patch};
    let table = [
        ("feat: x", Some(Feature)),
        ("FEAT(Api): x", Some(Feature)),
        ("fix: x", Some(Patch)),
        ("perf: x", Some(Patch)),
        ("refactor: x", Some(Patch)),
        ("build: x", Some(Patch)),
        ("deps: x", Some(Patch)),
        ("security: x", Some(Patch)),
        ("docs: x", None),
        ("style: x", None),
        ("test: x", None),
        ("tests: x", None),
        ("ci: x", None),
        ("ci(deps): x", None),
        ("chore: x", None),
        ("chore(deps-dev): x", None),
        ("chore(deps): bump openssl", Some(Patch)),
        ("chore!: x", Some(Breaking)),
        ("docs: x\n\nBREAKING-CHANGE: y", Some(Breaking)),
        ("feat(): x", Some(Feature)),
        ("feat()!: x", Some(Breaking)),
        // Not conventional: something changed, and nobody said that it does not matter.
        ("Fix the thing", Some(Patch)),
        ("feat:x", Some(Patch)),
        ("feat :x", Some(Patch)),
        ("feat(api: x", Some(Patch)),
        ("feat(api)?: x", Some(Patch)),
        ("feat!(api): x", Some(Patch)),
        ("feat:", Some(Patch)),
        ("feat: ", Some(Patch)),
        ("1feat: x", Some(Patch)),
        (": x", Some(Patch)),
        ("", Some(Patch)),
        ("fixup! feat: x", Some(Patch)),
        ("https://example.org: x", Some(Patch)),
        ("föat: x", Some(Patch)),
        ("Change the API\n\nBREAKING CHANGE: all of it", Some(Breaking)),
    ];
    for (text, expected) in table {
        assert_eq!(change(text), expected, "{text:?}");
    }
}

#[test]
fn a_break_is_heard_wherever_its_line_begins_and_nowhere_else() {
    for (text, expected) in [
        ("fix: x\n\nbody\nBREAKING CHANGE: y", Some("y")),
        ("fix: x\nBREAKING CHANGE: y", Some("y")),
        ("fix: x\r\n\r\nbody\r\n\r\nBREAKING CHANGE: y\r\n", Some("y")),
        ("fix: x\n\nBREAKING CHANGE:\ny\n\nmore\n\nRefs: z", Some("y\n\nmore")),
        ("fix: x\n\nRefs: z\nBREAKING-CHANGE: y", Some("y")),
        ("fix!: x\n\nRefs: z", Some("x")),
        ("fix: x\n\nbreaking change: y", None),
        ("fix: x\n\nBREAKING CHANGE y", None),
        ("fix: x\n\nBREAKING CHANGES: y", None),
        ("fix: x\n\nsee BREAKING CHANGE: y", None),
        ("fix: BREAKING CHANGE: y", None),
    ] {
        assert_eq!(Message::parse(text).breaking(), expected, "{text:?}");
    }
}

#[test]
fn footers_begin_after_a_blank_line() {
    let message =
        Message::parse("fix: x\n\nNo: footer\nis\n\nCloses #4\nby: me\n  and you\n\nso there");
    // The first paragraph begins like one, so it is one: that is the grammar.
    let footers: Vec<_> = message.footers.iter().map(|it| (it.token, it.value)).collect();
    assert_eq!(
        footers,
        [("No", "footer\nis"), ("Closes", "4"), ("by", "me\n  and you\n\nso there")]
    );
    let message = Message::parse("fix: x\n\na body\nwith: a colon");
    assert_eq!((message.body, message.footers.len()), ("a body\nwith: a colon", 0));
}

fn revert_of(text: &str) -> Option<(Undone<'_>, &str, Direction)> {
    Message::parse(text).revert.map(|it| (it.undone, it.quoted, it.direction))
}

#[test]
fn a_revert_names_what_it_undoes() {
    let id = "1234567890abcdef1234567890abcdef12345678";
    let by = |text: &str| match Message::parse(text).revert.unwrap().undone {
        Undone::Ids(ids) => ids.into_iter().map(str::to_owned).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(by(&format!("Revert \"feat: x\"\n\nThis reverts commit {id}.")), [id]);
    assert_eq!(by(&format!("Reapply \"feat: x\"\n\nThis reverts commit {id}.")), [id]);
    assert_eq!(
        by(&format!(
            "Revert \"Merge x\"\n\nThis reverts commit {id}, reversing\nchanges made to abc1234."
        )),
        [id]
    );
    assert_eq!(
        by("revert: let us never again speak of the noodle incident\n\nRefs: 676104e, a215868"),
        ["676104e", "a215868"]
    );
    assert_eq!(by(&format!("revert(api): feat: x\n\nThis reverts commit {id}.")), [id]);

    assert_eq!(
        revert_of("Revert \"feat: x (#12)\" (#13)\n\nReverts example/repo#12"),
        Some((Undone::Subject("feat: x (#12)"), "feat: x (#12)", Direction::Away))
    );
    assert_eq!(
        revert_of("Revert \"Revert \"feat: x\" (#13)\" (#14)"),
        Some((Undone::Subject("Revert \"feat: x\" (#13)"), "feat: x", Direction::Back))
    );
    assert_eq!(revert_of("Reapply \"x\""), Some((Undone::Unnamed, "x", Direction::Back)));
    for other in [
        "fix: x\n\nThis reverts commit 1234567890.",
        "Reverts commit 1234567",
        "fix: x\n\nRefs: 1234567",
        "Revert x",
        "Revert \"x",
    ] {
        assert_eq!(revert_of(other), None, "{other:?}");
    }
    assert_eq!(
        revert_of("revert: x\n\nRefs: #12, abc, not-an-id"),
        Some((Undone::Subject("x"), "x", Direction::Away)),
        "what is no id of seven digits and more names nothing"
    );
}

#[test]
fn a_revert_alone_asks_for_a_patch_and_a_return_for_what_returns() {
    for (text, expected) in [
        ("Revert \"feat!: x\"", Some(Change::Patch)),
        ("Revert \"docs: x\"", None),
        ("Revert \"whatever\"", Some(Change::Patch)),
        ("revert!: x", Some(Change::Breaking)),
        ("Reapply \"feat!: x\"", Some(Change::Breaking)),
        ("Revert \"Revert \"feat: x\"\"", Some(Change::Feature)),
        ("Reapply \"docs: x\"", None),
        ("Revert \"feat: x\"\n\nBREAKING CHANGE: gone", Some(Change::Breaking)),
    ] {
        assert_eq!(change(text), expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC*(\r?\n\\PC*){0,5}") {
        let message = Message::parse(&text);
        prop_assert!(text.contains(message.subject) && text.contains(message.body));
    }

    #[test]
    fn text_made_of_the_grammars_own_pieces_is_read(
        pieces in proptest::collection::vec(
            prop_oneof![
                Just("feat"), Just("("), Just(")"), Just("!"), Just(": "), Just(":"), Just("\n"),
                Just("\n\n"), Just("BREAKING CHANGE: "), Just("Refs: "), Just("x"), Just(" #"),
                Just("Revert \""), Just("Reapply \""), Just("\""), Just("revert"), Just("é"), Just("\r\n"),
                Just("This reverts commit "), Just("1234567"),
            ],
            0..24,
        ),
    ) {
        let text = pieces.concat();
        let message = Message::parse(&text);
        let breaks = text.lines().skip_while(|line| line.trim().is_empty()).skip(1)
            .any(|line| line.starts_with("BREAKING CHANGE: "));
        if breaks {
            prop_assert_eq!(message.change(), Some(Change::Breaking), "{:?}", text);
        }
    }
}
