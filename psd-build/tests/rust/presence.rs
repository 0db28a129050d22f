use crate::pb::every::kind::{Choice, Lists, Maps, Presence, Scalars, WellKnown};
use crate::{read, read_classic, round_trip, write};

#[test]
fn defaults_are_left_out() {
    assert_eq!(write(&Scalars::default()), "{}");
    assert_eq!(write(&Lists::default()), "{}");
    assert_eq!(write(&Maps::default()), "{}");
    let text = r#"{"aDouble":0,"anInt32":0,"anInt64":"0","aBool":false,"aString":"","someBytes":"","aMood":0}"#;
    assert_eq!(write(&read::<Scalars>(text)), "{}");
    assert_eq!(write(&read::<Lists>(r#"{"doubles":[],"messages":[]}"#)), "{}");
    assert_eq!(write(&read::<Maps>(r#"{"byInt32":{}}"#)), "{}");
}

#[test]
fn presence_is_kept() {
    round_trip::<Presence>(concat!(
        r#"{"aDouble":0.0,"aFloat":0.0,"anInt32":0,"anInt64":"0","aUint32":0,"aUint64":"0","aBool":false,"#,
        r#""aString":"","someBytes":"","aMood":"mood_none","aMessage":{}}"#
    ));
    round_trip::<Presence>("{}");
}

#[test]
fn null_is_the_default() {
    let nulls = |names: &[&str]| {
        let members: Vec<String> = names.iter().map(|name| format!("\"{name}\": null")).collect();
        format!("{{{}}}", members.join(", "))
    };
    let scalars =
        ["aDouble", "aFloat", "anInt32", "anInt64", "aUint32", "aUint64", "aBool", "aString", "someBytes", "aMood"];
    assert_eq!(read::<Scalars>(&nulls(&scalars)), Scalars::default());
    assert_eq!(read::<Presence>(&nulls(&scalars)), Presence::default());
    assert_eq!(read::<Presence>(&nulls(&["aMessage"])), Presence::default());
    assert_eq!(read::<Lists>(&nulls(&["doubles", "moods", "messages", "strings"])), Lists::default());
    assert_eq!(read::<Maps>(&nulls(&["byInt32", "toMood", "toMessage"])), Maps::default());
    assert_eq!(read::<Choice>(&nulls(&["number", "text", "inside", "wrapped", "empty"])), Choice::default());
    let well_known = ["any", "duration", "empty", "fieldMask", "struct", "listValue", "timestamp", "boolValue", "anys"];
    assert_eq!(read::<WellKnown>(&nulls(&well_known)), WellKnown::default());
}

/// A null in a oneof does not count as setting it.
#[test]
fn null_in_a_oneof() {
    for text in [r#"{"number":null,"text":"x"}"#, r#"{"text":"x","number":null}"#] {
        assert_eq!(write(&read::<Choice>(text)), r#"{"text":"x"}"#);
    }
}

/// The name of an enum value that nobody here knows is like an absent value, wherever it stands.
#[test]
fn unknown_is_ignored_when_asked() {
    for (text, expected) in [
        (r#"{"aMood":"EUPHORIC","aString":"x"}"#, r#"{"aString":"x"}"#),
        (r#"{"future":[{"a":1}],"anInt32":1}"#, r#"{"anInt32":1}"#),
    ] {
        assert_eq!(write(&read_classic::<Scalars>(text)), expected);
    }
    assert_eq!(write(&read_classic::<Presence>(r#"{"aMood":"EUPHORIC"}"#)), "{}");
    assert_eq!(
        write(&read_classic::<Lists>(r#"{"moods":["SAD","EUPHORIC","HAPPY"]}"#)),
        r#"{"moods":["SAD","HAPPY"]}"#
    );
    assert_eq!(write(&read_classic::<Maps>(r#"{"toMood":{"a":"EUPHORIC","b":"SAD"}}"#)), r#"{"toMood":{"b":"SAD"}}"#);
    assert_eq!(write(&read_classic::<Choice>(r#"{"mood":"EUPHORIC"}"#)), "{}");
    assert_eq!(write(&read_classic::<Choice>(r#"{"mood":"EUPHORIC","text":"x"}"#)), r#"{"text":"x"}"#);
}
