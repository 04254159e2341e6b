//! The models that are known.

use lms_core::ai::{ModelProfile, Price};

/// Prefix, native schema, thinking by default, most output tokens; thousandths of a US dollar per million
/// tokens in, out and read from the cache.
type Row = (&'static str, bool, bool, u32, u64, u64, u64);

/// Limits of output are the smallest that a family is known to take.
const ANTHROPIC: &[Row] = &[
    ("claude-fable-5", true, true, 128_000, 10_000, 50_000, 1_000),
    ("claude-mythos-5", true, true, 128_000, 10_000, 50_000, 1_000),
    ("claude-sonnet-5", true, true, 64_000, 2_000, 10_000, 200),
    ("claude-sonnet-4-6", true, false, 64_000, 3_000, 15_000, 300),
    ("claude-sonnet-4-5", true, false, 64_000, 3_000, 15_000, 300),
    // The price of Haiku 5.5 depends on more than the tokens; this is more than it is.
    ("claude-haiku-5", true, true, 64_000, 1_000, 5_000, 100),
    ("claude-haiku-4-5", true, false, 64_000, 1_000, 5_000, 100),
    ("claude-opus-5-5", true, true, 64_000, 4_000, 20_000, 200),
    ("claude-opus-5", true, true, 64_000, 5_000, 25_000, 500),
    ("claude-opus-4-8", true, false, 64_000, 5_000, 25_000, 500),
    ("claude-opus-4-7", true, false, 64_000, 5_000, 25_000, 500),
    ("claude-opus-4-6", true, false, 64_000, 5_000, 25_000, 500),
    ("claude-opus-4-5", true, false, 64_000, 5_000, 25_000, 500),
    // Before structured outputs: the schema must be in the prompt.
    ("claude-opus-4-1", false, false, 32_000, 15_000, 75_000, 1_500),
    ("claude-opus-4-0", false, false, 32_000, 15_000, 75_000, 1_500),
    ("claude-opus-4-20250514", false, false, 32_000, 15_000, 75_000, 1_500),
    ("claude-sonnet-4-0", false, false, 64_000, 3_000, 15_000, 300),
    ("claude-sonnet-4-20250514", false, false, 64_000, 3_000, 15_000, 300),
    ("claude-3", false, false, 4_096, 15_000, 75_000, 1_500),
];

const OPENAI: &[Row] = &[
    ("gpt-5.5", true, true, 128_000, 5_000, 30_000, 500),
    ("gpt-5.5-pro", true, true, 128_000, 30_000, 180_000, 30_000),
    ("gpt-5.4", true, true, 128_000, 2_500, 15_000, 250),
    ("gpt-5.4-mini", true, true, 128_000, 750, 4_500, 75),
    ("gpt-5.4-nano", true, true, 128_000, 200, 1_250, 20),
    ("gpt-5.4-pro", true, true, 128_000, 30_000, 180_000, 30_000),
    ("gpt-5.2", true, true, 128_000, 1_750, 14_000, 175),
    ("gpt-5.2-pro", true, true, 128_000, 21_000, 168_000, 21_000),
    ("gpt-5", true, true, 128_000, 1_250, 10_000, 125),
    ("gpt-5-mini", true, true, 128_000, 250, 2_000, 25),
    ("gpt-5-nano", true, true, 128_000, 50, 400, 5),
    ("gpt-5-pro", true, true, 128_000, 15_000, 120_000, 15_000),
    ("gpt-4.1", true, false, 32_768, 2_000, 8_000, 500),
    ("gpt-4.1-mini", true, false, 32_768, 400, 1_600, 100),
    ("gpt-4.1-nano", true, false, 32_768, 100, 400, 25),
    ("gpt-4o", true, false, 16_384, 2_500, 10_000, 1_250),
    ("gpt-4o-mini", true, false, 16_384, 150, 600, 75),
    ("o3", true, true, 100_000, 2_000, 8_000, 500),
    ("o3-pro", true, true, 100_000, 20_000, 80_000, 20_000),
    ("o4-mini", true, true, 100_000, 1_100, 4_400, 275),
];

pub(super) fn anthropic() -> impl Iterator<Item = (&'static str, ModelProfile)> {
    // Writing to Anthropic's cache costs a quarter more than reading anew.
    ANTHROPIC.iter().map(|row| profile(row, 1_250))
}

pub(super) fn openai() -> impl Iterator<Item = (&'static str, ModelProfile)> {
    OPENAI.iter().map(|row| profile(row, 1_000))
}

fn profile(
    &(prefix, native_schema, thinking_by_default, max_output, input, output, cached): &Row,
    write: u64,
) -> (&'static str, ModelProfile) {
    let price =
        Price { input: input * 1_000, output: output * 1_000, cache_read: cached * 1_000, cache_write: input * write };
    (prefix, ModelProfile { native_schema, thinking_by_default, max_output, price })
}

/// A model that nobody knows: taken for one that thinks, at these prices in thousandths of a US dollar.
pub(super) const fn careful(input: u64, output: u64, max_output: u32) -> ModelProfile {
    ModelProfile {
        native_schema: true,
        thinking_by_default: true,
        max_output,
        price: Price {
            input: input * 1_000,
            output: output * 1_000,
            cache_read: input * 1_000,
            cache_write: input * 1_250,
        },
    }
}

/// A model on a server of one's own.
pub(super) const fn own_machine() -> ModelProfile {
    ModelProfile {
        native_schema: true,
        thinking_by_default: false,
        max_output: 32_000,
        price: Price { input: 0, output: 0, cache_read: 0, cache_write: 0 },
    }
}
