//! Words of a command.

use super::quoted;

#[test]
fn a_command_can_be_given_to_a_shell_as_it_is() {
    assert_eq!(quoted("topologies/a-b/lab.yaml"), "topologies/a-b/lab.yaml");
    assert_eq!(quoted("g=239.1.1.1"), "g=239.1.1.1");
    assert_eq!(quoted("my lab.yaml"), "'my lab.yaml'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
    assert_eq!(quoted("$(x)"), "'$(x)'");
    assert_eq!(quoted(""), "''");
}
