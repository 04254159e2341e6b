//! What a call may cost at the most: what is set aside before it.

use lms_core::ai::{ModelProfile, Price, Usage};
use serde::Serialize;

use super::Ai;
use super::asking::Asking;
use crate::{AiTask, schema};

/// The most that one call uses up. Repairs and retries come on top, each at most as much again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Estimate {
    /// Tokens in.
    pub input_tokens: u64,
    /// Tokens out, thinking included.
    pub output_tokens: u64,
    /// What they cost, in millionths of a US dollar.
    pub micro_usd: u64,
}

impl std::ops::Add for Estimate {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            micro_usd: self.micro_usd.saturating_add(other.micro_usd),
        }
    }
}

/// The worst case of one call: a token for every three bytes of the prompt, begun ones too, at the dearest
/// price of input, and every token that the answer may have.
pub(crate) fn worst_case(prompt_bytes: usize, max_tokens: u32, profile: &ModelProfile) -> Estimate {
    let input_tokens = u64::try_from(prompt_bytes).unwrap_or(u64::MAX).div_ceil(3);
    let output_tokens = u64::from(max_tokens);
    let usage = Usage { input: input_tokens, output: output_tokens, ..Usage::default() };
    // Nobody knows yet what of the prompt a provider's cache will hold, or take in.
    let dearest = profile.price.input.max(profile.price.cache_write).max(profile.price.cache_read);
    let price = Price { input: dearest, ..profile.price };
    Estimate { input_tokens, output_tokens, micro_usd: price.cost(&usage) }
}

/// The most tokens that an answer gets: thinking comes on top, and the model's own limit stands above it.
pub(crate) fn answer_tokens(max_tokens: u32, profile: &ModelProfile) -> u32 {
    let wanted = if profile.thinking_by_default { max_tokens.saturating_add(8_000) } else { max_tokens };
    wanted.min(profile.max_output).max(1)
}

impl Ai {
    /// What one call of a task would set aside in budgets; nothing is called and nothing written.
    pub fn estimate_call<T: AiTask>(&self, input: &T::In) -> Estimate {
        let wire = schema::portable(&schema::canonical::<T::Out>());
        Asking::new(self, T::render(input), T::limits(input).max_tokens).most(&wire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_case_is_a_token_for_three_bytes_and_the_whole_answer() {
        let price = Price { input: 3_000_000, output: 15_000_000, cache_read: 300_000, cache_write: 0 };
        let profile = ModelProfile { native_schema: true, thinking_by_default: false, max_output: 64_000, price };
        let found = worst_case(3_001, 8_000, &profile);
        assert_eq!(found, Estimate { input_tokens: 1_001, output_tokens: 8_000, micro_usd: 3_003 + 120_000 });
        assert_eq!((found + found).micro_usd, 246_006);
        assert_eq!(worst_case(0, 0, &profile), Estimate::default());
        let dear = ModelProfile { price: Price { cache_write: 3_750_000, ..price }, ..profile.clone() };
        assert_eq!(worst_case(3_000, 0, &dear).micro_usd, 3_750, "the whole prompt may go into the cache");
        let endless = ModelProfile { price: Price { input: u64::MAX, ..price }, ..profile.clone() };
        assert_eq!(worst_case(usize::MAX, u32::MAX, &endless).micro_usd, u64::MAX, "a sum never wraps");
        let thinks = ModelProfile { thinking_by_default: true, max_output: 10_000, ..profile };
        assert_eq!((answer_tokens(8_000, &thinks), answer_tokens(0, &thinks)), (10_000, 8_000));
    }
}
