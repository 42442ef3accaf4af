use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn tag(content: &str) -> Option<TagObject> {
    parse_tag(&ObjectId::parse(ID).unwrap(), content.as_bytes())
}

#[test]
fn a_signature_is_split_from_the_message_at_the_last_line_that_begins_one() {
    let body = "m\n-----BEGIN PGP SIGNATURE-----\nquoted\n-----BEGIN SSH SIGNATURE-----\nreal\n";
    let content = format!("object {ID}\ntype commit\ntag v1\ntagger A <a@b> 7 +0100\n\n{body}");
    let tag = tag(&content).unwrap();
    assert_eq!(tag.message, "m\n-----BEGIN PGP SIGNATURE-----\nquoted\n");
    let signature = tag.signature.unwrap();
    assert_eq!(signature.armoured, "-----BEGIN SSH SIGNATURE-----\nreal\n");
    let payload = content.strip_suffix(signature.armoured.as_str()).unwrap();
    assert_eq!(signature.payload, payload.as_bytes());
    assert_eq!((tag.tagger.as_str(), tag.time.as_second()), ("A <a@b>", 7));
}

#[test]
fn what_was_signed_is_kept_by_its_bytes_whatever_their_encoding() {
    let mut payload = format!("object {ID}\ntype commit\ntag v1\n\nGr").into_bytes();
    payload.extend(b"\xfc\xdfe \xff\n");
    let mut content = payload.clone();
    content.extend(b"-----BEGIN SSH SIGNATURE-----\nreal\n");
    let tag = parse_tag(&ObjectId::parse(ID).unwrap(), &content).unwrap();
    assert_eq!(tag.signature.unwrap().payload, payload);
}

#[test]
fn bytes_that_are_no_text_in_a_signature_move_nothing_over_the_cut() {
    let payload = format!("object {ID}\ntype commit\ntag v1\n\nsaid and signed\n").into_bytes();
    let mut content = payload.clone();
    content.extend(b"-----BEGIN PGP SIGNATURE-----\nComment: \xff\xff\xff\n");
    let tag = parse_tag(&ObjectId::parse(ID).unwrap(), &content).unwrap();
    assert_eq!(tag.message, "said and signed\n");
    assert_eq!(tag.signature.unwrap().payload, payload);
}

#[test]
fn a_tag_without_a_tagger_or_message_is_read() {
    let tag = tag(&format!("object {ID}\ntype commit\ntag v0\n")).unwrap();
    assert_eq!(
        (tag.tagger.as_str(), tag.time, tag.message.as_str()),
        ("", Timestamp::UNIX_EPOCH, "")
    );
}

#[test]
fn rubbish_is_no_tag_and_ends_nothing() {
    for content in ["", "\n\n", "object x\ntag y\n\n", "tag v1\n\nobject 1", "\u{0}\u{fffd}"] {
        assert_eq!(tag(content), None, "{content:?}");
    }
}

#[test]
fn a_header_in_the_message_is_not_taken_for_one() {
    let content = format!("object {ID}\ntype commit\n\ntag v9\ntagger E <e@e> 1 +0000\n");
    assert_eq!(tag(&content), None);
}

#[test]
fn a_person_without_a_mail_or_with_a_wild_time_is_read() {
    assert_eq!(parse_person("A <a@b> 99999999999999999999 +0000").1, Timestamp::UNIX_EPOCH);
    assert_eq!(parse_person("just words"), ("just words".to_owned(), Timestamp::UNIX_EPOCH));
    assert_eq!(parse_person("A > B <a@b> -5 +0000").0, "A > B <a@b>");
}

#[test]
fn a_batch_that_ends_too_early_is_an_error() {
    for bytes in [&b""[..], b"abc", b"x tag 10\nshort\n", b"x tag 5\nshort"] {
        assert!(next_object(bytes).is_err(), "{bytes:?}");
    }
    assert!(matches!(next_object(b"x missing\n"), Ok(None)));
}
