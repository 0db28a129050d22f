use crate::fixture::{failure, psd};

#[test]
fn a_body_that_is_not_json_is_shown_with_its_place() {
    let finished = psd(&["call", "ws://127.0.0.1:1/ws", "echo", r#"{"text": hi}"#]).run();
    let err = "error: the body is not JSON: expected value, line 1, column 10\n  {\"text\": hi}\n           ^\n";
    assert_eq!(finished, failure(2, "", err));
    let finished = psd(&["call", "ws://127.0.0.1:1/ws", "echo", "-"]).input("[]").run();
    assert_eq!(finished, failure(2, "", "error: the body is not a JSON object; write `{\"field\":value}`\n"));
}

#[test]
fn a_url_that_is_none_says_what_to_write() {
    let finished = psd(&["call", "http://127.0.0.1:1/ws", "echo"]).run();
    let err = "error: `http://127.0.0.1:1/ws` cannot be used: write `ws://127.0.0.1:1/ws`\n";
    assert_eq!(finished, failure(2, "", err));
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    for (arguments, expected) in [
        (&["call", "ws://h/"][..], "required arguments were not provided"),
        (&["call", "ws://h/", "echo", "--timeout", "soon"], "expected a time such as `10s`, `500ms` or `2m`"),
        (&["listen", "ws://h/", "--send", "join-room {"], "the body is not JSON: EOF while parsing an object"),
        (&["lisen"], "a similar subcommand exists: 'listen'"),
    ] {
        let finished = psd(arguments).run();
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.err.contains(expected), "{}", finished.err);
        assert_eq!(finished.out, "");
    }
}

#[test]
fn help_shows_examples_for_every_command() {
    let overview = psd(&["--help"]).run();
    assert_eq!((overview.code, overview.err.as_str()), (Some(0), ""));
    let commands: Vec<_> = overview
        .out
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.contains(&"call") && commands.contains(&"listen"), "{commands:?}");
    for command in commands {
        let help = psd(&[command, "--help"]).run();
        assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
        assert!(help.out.contains(&format!("Examples:\n  psd {command} ")), "{}", help.out);
        assert!(help.out.contains("Exit codes:\n  0  "), "{}", help.out);
    }
}

#[test]
fn the_token_of_the_environment_is_not_shown() {
    let help = psd(&["call", "--help"]).env("PSD_TOKEN", "very-secret").run();
    assert!(help.out.contains("PSD_TOKEN") && !help.out.contains("very-secret"), "{}", help.out);
}
