use lms_core::ai::{ModelProfile, Price, Usage};

use crate::provider::Profiles;

#[test]
fn the_longest_prefix_up_to_a_boundary_decides() {
    let table = Profiles::anthropic();
    assert_eq!(table.get("claude-sonnet-5-5").price.input, 2_000_000);
    assert_eq!(table.get("claude-sonnet-4-5-20250929").price.output, 15_000_000);
    assert!(table.get("claude-sonnet-5").thinking_by_default);
    assert!(!table.get("claude-sonnet-4-6").thinking_by_default);
    assert!(!table.get("claude-3-5-haiku-latest").native_schema);
    assert!(table.knows("claude-haiku-4-5-20251001"));
    assert!(!table.knows("claude-sonnet-50"));
    assert!(!table.knows(""));
}

#[test]
fn an_unknown_model_is_taken_for_the_dearest() {
    let table = Profiles::anthropic();
    let unknown = table.get("claude-saga-9");
    for known in ["claude-opus-4-1", "claude-opus-5", "claude-sonnet-5", "claude-haiku-4-5"] {
        let price = table.get(known).price;
        assert!(unknown.price.input >= price.input && unknown.price.output >= price.output, "{known}");
    }
    assert!(unknown.thinking_by_default);
}

#[test]
fn a_host_adds_and_replaces_rows() {
    let own = ModelProfile {
        native_schema: false,
        thinking_by_default: false,
        max_output: 7,
        price: Price { input: 1, output: 2, cache_read: 3, cache_write: 4 },
    };
    let other = ModelProfile { max_output: 9, ..own.clone() };
    let table = Profiles::anthropic()
        .with("claude-sonnet-5", own.clone())
        .with("claude-sonnet-5-5", other.clone())
        .with_fallback(own.clone());
    assert_eq!(table.get("claude-sonnet-5-5"), other);
    assert_eq!(table.get("claude-sonnet-5"), own);
    assert_eq!(table.get("somebody-else"), own);
}

#[test]
fn a_call_of_a_known_model_costs_what_the_list_says() {
    let price = Profiles::anthropic().get("claude-sonnet-5-5").price;
    let million = 1_000_000;
    let usage = Usage { input: million, output: million, cache_read: million, cache_write: million, thinking: 0 };
    // 2 + 10 + 0.2 + 2.5 US dollars.
    assert_eq!(price.cost(&usage), 14_700_000);
}
