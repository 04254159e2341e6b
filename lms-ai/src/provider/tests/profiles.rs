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

#[test]
fn a_table_is_data() {
    let table = Profiles::openrouter().with("own", Profiles::own_machine().get("x"));
    let json = serde_json::to_string(&table).unwrap();
    assert_eq!(serde_json::from_str::<Profiles>(&json).unwrap(), table);
    assert!(serde_json::from_str::<Profiles>(r#"{"models":{},"fallbak":{}}"#).is_err());
}

#[test]
fn a_vendor_before_the_id_does_not_matter() {
    let table = Profiles::openrouter();
    assert_eq!(table.get("openai/gpt-5.4-mini").price.input, 750_000);
    assert_eq!(table.get("gpt-5.4-2026-03-05").price.output, 15_000_000);
    assert_eq!(table.get("anthropic/claude-sonnet-4.5").price.output, 15_000_000);
    assert_eq!(table.get("anthropic/claude-opus-5.5").price.input, 4_000_000);
    assert!(!table.knows("nobody/saga-9"));
    assert_eq!(Profiles::own_machine().get("qwen3:32b").price.cost(&Usage { input: 1_000_000, ..Usage::default() }), 0);
    assert!(Profiles::unknown().get("x").price.output >= Profiles::openai().get("gpt-5.5-pro").price.output);
}

#[test]
fn every_family_that_is_known_is_in_the_table() {
    let table = Profiles::anthropic();
    for model in [
        "claude-sonnet-4-5",
        "claude-sonnet-4-6",
        "claude-sonnet-5",
        "claude-sonnet-5-5",
        "claude-haiku-4-5",
        "claude-opus-4-5",
        "claude-opus-4-6",
        "claude-opus-4-7",
        "claude-opus-4-8",
        "claude-opus-5",
        "claude-opus-5-5",
        "claude-fable-5",
        "claude-fable-5-1",
        "claude-mythos-5",
        "claude-mythos-5-1",
    ] {
        assert!(table.knows(model) && table.get(model).native_schema, "{model}");
    }
}
