//! Every combination of rules and callers; tests/django asks Django for the same.

use psd_tests::guard_table::GuardTable;

#[test]
fn every_combination_is_decided_as_the_table_says() {
    let table = GuardTable::read();
    for case in &table.cases {
        let user = case.caller.map(|name| table.user(name));
        assert_eq!(case.decide(user.as_ref()), case.status, "{case:?}");
    }
    assert_eq!(table.cases.len(), 21 * 9);
}
