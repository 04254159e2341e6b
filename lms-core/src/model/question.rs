//! Temporary.
crate::model::table::words! {
    /// The type of a question (Q4).
    pub enum QuestionType {
        /// One option.
        SingleChoice = "single_choice",
        /// True or false.
        TrueFalse = "true_false",
        /// Several options.
        MultipleChoice = "multiple_choice",
        /// A number.
        Numeric = "numeric",
        /// A short text.
        ShortText = "short_text",
        /// Blanks in a text.
        FillBlanks = "fill_blanks",
        /// Stems to choices.
        Matching = "matching",
        /// Items in order.
        Ordering = "ordering",
        /// A text that is graded by a person or by AI.
        Essay = "essay",
    }
}
