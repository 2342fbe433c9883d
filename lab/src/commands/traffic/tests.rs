//! Whom the words of a command are about.

use super::*;

fn who(words: &[&str]) -> Result<(Vec<String>, bool), String> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let who = Who::of("join", &words).map_err(|fault| fault.to_string())?;
    Ok((who.names(), matches!(who, Who::Node(..))))
}

#[test]
fn an_address_makes_a_node_of_the_first_word() {
    let named = |names: &[&str], node| {
        let names = names.iter().map(|name| (*name).to_owned());
        Ok((names.collect::<Vec<_>>(), node))
    };
    assert_eq!(who(&["R"]), named(&["R"], false));
    assert_eq!(who(&["R", "Q"]), named(&["R", "Q"], false));
    assert_eq!(who(&["h1", "239.1.1.1"]), named(&["h1:239.1.1.1"], true));
    let both = named(&["h1:239.1.1.1", "h1:239.1.1.2"], true);
    assert_eq!(who(&["h1", "239.1.1.1,239.1.1.2"]), both);
    // As later commands and steps call it.
    assert_eq!(who(&["h1:239.1.1.1"]), named(&["h1:239.1.1.1"], false));
    let both = named(&["h1:239.1.1.1", "R"], false);
    assert_eq!(who(&["h1:239.1.1.1", "R"]), both);
}

#[test]
fn what_is_neither_is_told() {
    for (words, told) in [
        (&["h1", "10.0.0.1"][..], "10.0.0.1 is no group"),
        (&["h1", "239.1.1.300"], "239.1.1.300 is no group"),
        (&["h1", "239.1.1.1,"], " is no group"),
        (&["239.1.1.1"], "lab join NODE GROUP,GROUP"),
        (&["h1", "h2", "239.1.1.1"], "one node"),
        (&["239.1.1.1", "239.1.1.2"], "one node"),
    ] {
        let error = who(words).unwrap_err();
        assert!(error.contains(told), "{words:?}: {error}");
    }
}
