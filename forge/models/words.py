"""The few English words that reading a text needs: function words, cardinals, words that ask, and plural endings."""

from __future__ import annotations

# fmt: off
FUNCTION_WORDS = frozenset({
    "a", "an", "the", "of", "in", "to", "and", "or", "from", "by", "on", "at", "for", "with", "as", "is", "are", "was",
    "were", "be", "been", "has", "have", "had", "do", "does", "did", "he", "she", "it", "they", "i", "we", "you", "his",
    "her", "its", "their", "my", "your", "our", "this", "that", "these", "those", "there", "if", "then", "than", "so",
    "but", "not", "each", "per", "more", "many", "much", "some", "how", "what", "which", "who", "when", "s",
})
ASKING = frozenset({"how", "what", "which", "find", "who", "calculate", "compute"})
CARDINALS = {
    "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0, "eight": 8.0, "nine": 9.0,
    "ten": 10.0, "eleven": 11.0, "twelve": 12.0,
}  # "one" is left out: it is a pronoun more often than a number
SYMBOL_WORDS = {  # what a symbol at a number says about it
    "$": frozenset({"price", "cost", "money", "dollar", "total", "amount", "paid", "pay", "budget", "bill", "salary",
                    "wage", "income"}),
    "%": frozenset({"percent", "percentage", "rate", "discount", "tax", "interest", "tip", "share"}),
    "": frozenset[str](),
}
POSITIONAL = FUNCTION_WORDS | {
    "number", "value", "first", "second", "third", "fourth", "fifth", "sixth", "last", "left", "right", "x", "y",
}  # words in a parameter's name that say nothing about what it means
# fmt: on


def stem(word: str) -> str:
    """A word without a plural ending: enough to match "apples" with "apple"."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "zes", "ches", "shes")) and len(word) > 5:
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
