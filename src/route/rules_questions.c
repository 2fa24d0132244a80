/* SPDX-License-Identifier: Apache-2.0 */
/* Word rules for questions: open, about a given text, mathematical, or needing a chain of thought.
 */
#include "route/vocabulary.h"

#define GIVEN                                                                                      \
    "text|passage|paragraph|article|context|excerpt|document|paragraphs|reference|information|"    \
    "transcript|report|policy|manual|contract|story|statement|description|below|above|provided|"   \
    "blurb|email|content|snippet"

const struct word_rule rules_questions[] = {
    /* open questions */
    RULE(QA_OPEN, 6, RULE_AT_START, "what",
         "what|who|where|when|which|whose|whom|what's|who's|where's|when's|whos|whats"),
    RULE(QA_OPEN, 6, RULE_AT_START, "how", "how|why|how's|why's"),
    RULE(QA_OPEN, 4, RULE_AT_START, "is it", "is|are|were|does|did|has|have|had|am|should"),
    RULE(QA_OPEN, 4, RULE_AT_START, "do we", "do you|i|we|they|people|most|all|animals|cats|dogs"),
    RULE(QA_OPEN, 3, RULE_TEXT_START, "in which", "in|during|for|from which|what|who|whom"),
    RULE(QA_OPEN, 2, 0, "question word", "what|who|where|when|which|whose|whom|how|why"),
    RULE(QA_OPEN, 7, RULE_AT_START, "define", "define|definition|meaning"),
    RULE(QA_OPEN, 6, RULE_AT_START, "explain", "explain|describe|discuss|elaborate|clarify|teach"),
    RULE(QA_OPEN, 7, RULE_GAP_1, "tell me about",
         "tell|teach|know|learn|information|info|more|curious me|about|us|more "
         "about|how|what|why|who|when|where"),
    RULE(QA_OPEN, 5, RULE_GAP_3, "difference between",
         "difference|differences|distinction between"),
    RULE(QA_OPEN, 5, RULE_GAP_3, "what does it mean", "what|does mean|stand|means"),
    RULE(QA_OPEN, 2, 0, "capital of", "capital|population|inventor|founder|author|president|ceo"),
    RULE(QA_OPEN, 9, RULE_AT_START, "name", "name"),
    RULE(QA_OPEN, 4, RULE_GAP_3, "how does it work",
         "how|why do|does|did|can|is|are|would|should|to"),
    RULE(QA_OPEN, 4, RULE_GAP_2, "how long",
         "how long|many|much|old|tall|far|often|big|deep|high|fast"),
    RULE(QA_OPEN, 8, RULE_AT_START, "qu'est-ce que",
         "qu'est|quelle|quel|quels|pourquoi|qué|quién|cuál|cuándo|dónde|cómo|warum|wie|wer|wo|wann|"
         "welche|perché|quando|dove|что|кто|где|почему|когда|как"),
    RULE(QA_OPEN, 3, RULE_AT_START, "pros and cons", "pros advantages|cons"),
    RULE(QA_OPEN, 2, 0, "overview of", "overview|history|origin|introduction to"),
    RULE(QA_OPEN, 6, RULE_GAP_3, "which of the following", "which following"),
    RULE(QA_OPEN, 4, RULE_GAP_2, "I wonder",
         "i wonder|wondering|know|curious why|how|what|if|whether|about"),

    /* questions about a given text */
    RULE(QA_CLOSED, 5, RULE_GAP_3, "according to the text",
         "according|based|given|per|using|from|reading|consult " GIVEN),
    RULE(QA_CLOSED, 4, RULE_GAP_1, "given this text",
         "given|per|from|using|considering|read|reading " GIVEN),
    RULE(QA_CLOSED, 5, RULE_PASSAGE | RULE_GAP_2, "the passage",
         "this|these|following|above|below|provided|my "
         "passage|paragraph|text|article|context|excerpt|document|reference|contract|policy|"
         "transcript"),
    RULE(QA_CLOSED, 7, RULE_GAP_3, "answer from the context",
         "answer|respond using|from|based|only "
         "context|passage|text|information|document|below|above"),
    RULE(QA_CLOSED, 5, RULE_GAP_2, "answer the question", "answer question|questions"),
    RULE(QA_CLOSED, 6, RULE_AT_START, "context:", "context|passage|excerpt|document"),
    RULE(QA_CLOSED, 5, RULE_PASSAGE, "the author",
         "author|narrator|speaker|passage|paragraph|excerpt"),
    RULE(QA_CLOSED, 3, RULE_PASSAGE, "according to", "according|per to"),
    RULE(QA_CLOSED, 6, RULE_GAP_3, "does the text say",
         "does|do|did|what|where "
         "text|passage|article|contract|document|policy|author|report|paragraph|email "
         "say|mention|state|claim|specify|imply|describe"),
    RULE(QA_CLOSED, 4, RULE_PASSAGE | RULE_AT_START, "question",
         "what|who|where|when|which|how|why|whose|is|did|does|question|are|were"),

    /* reasoning */
    RULE(REASONING, 7, RULE_GAP_2, "step by step", "step step"),
    RULE(REASONING, 9, RULE_GAP_2, "reason step by step", "reason|think step"),
    RULE(REASONING, 8, 0, "prove", "prove|proof|disprove|counterexample|deduce|deduction"),
    RULE(REASONING, 7, 0, "puzzle",
         "puzzle|riddle|paradox|brainteaser|logically|syllogism|knights|knaves|fallacy"),
    RULE(REASONING, 6, RULE_GAP_2, "logic",
         "logic|logical|reasoning|inference|deductive|inductive"),
    RULE(REASONING, 6, RULE_GAP_2 | RULE_PROSE, "reason through",
         "reason|think|work|walk through|about|carefully|critically|hard|out"),
    RULE(REASONING, 6, RULE_GAP_2, "trade-offs",
         "trade|tradeoffs|tradeoff|weigh|pros offs|off|between|up|cons"),
    RULE(
        REASONING, 7, RULE_AT_START | RULE_PROSE, "analyze",
        "analyze|analyse|evaluate|assess|critique|compare|argue|justify|weigh|critically|contrast"),
    RULE(REASONING, 4, 0, "analyze",
         "analyze|analyse|evaluate|critically|implications|hypothesis|hypotheses|plausible|"
         "feasibility|causal|infer"),
    RULE(REASONING, 6, RULE_GAP_2, "compare and contrast", "compare contrast"),
    RULE(REASONING, 9, RULE_GAP_3, "explain your reasoning",
         "explain|justify|show|give your reasoning|answer|thinking|work|reasons"),
    RULE(REASONING, 7, RULE_GAP_2, "what would happen if",
         "what would|could|might|will happen|change"),
    RULE(REASONING, 7, RULE_GAP_2, "who is lying",
         "who|which|exactly|only is|one|two lying|lies|liar|truth|guilty"),
    RULE(REASONING, 6, 0, "must be true",
         "must|can|cannot|could we true|false|conclude|concluded|inferred"),
    RULE(REASONING, 7, RULE_GAP_3, "conclude",
         "conclude|follows|valid|conclusion from|argument|if|valid"),
    RULE(REASONING, 5, RULE_GAP_3, "what is the best strategy",
         "best|optimal|winning|right strategy|decision|approach|move|choice|course"),
    RULE(REASONING, 8, RULE_GAP_2, "does it follow", "does|must|necessarily follow"),
    RULE(REASONING, 8, 0, "devil's advocate", "devil's advocate"),
    RULE(REASONING, 5, RULE_GAP_2, "if all are", "if|all|some|no all|are|every|some are|is|then"),
    RULE(REASONING, 5, RULE_GAP_2, "minimum number of moves",
         "minimum|fewest|least|how number|moves|weighings|steps|many moves|weighings|crossings"),
    RULE(REASONING, 4, RULE_GAP_2, "should we",
         "should we|our|i invest|expand|acquire|switch|choose|raise|hire|launch|merge|accept"),

    /* math */
    RULE(MATH, 7, RULE_AT_START, "solve",
         "solve|calculate|compute|evaluate|differentiate|integrate|factor|factorize|simplify|"
         "berechne|calcula|calcule|résous|resuelve|löse"),
    RULE(MATH, 6, 0, "calculate", "calculate|calculation|compute"),
    RULE(MATH, 9, RULE_GAP_3, "convert units",
         "convert "
         "fahrenheit|celsius|miles|km|kilometers|pounds|kg|inches|cm|degrees|euros|dollars|meters|"
         "feet|cups|liters|gallons|minutes|ounces|grams"),
    RULE(MATH, 5, 0, "derivative",
         "derivative|integral|polynomial|quadratic|logarithm|hypotenuse|eigenvalue|modulo|"
         "determinant|antiderivative"),
    RULE(MATH, 4, 0, "equation",
         "equation|equations|integral|derivative|polynomial|quadratic|logarithm|theorem|modulo|"
         "congruent|coefficient|coefficients|determinant|inequality|divisor|divisors|hypotenuse|"
         "perimeter|circumference|radius|numerator|denominator|binomial|factorial|permutations|"
         "combinations"),
    RULE(MATH, 3, 0, "a quantity",
         "triangle|circle|fraction|percent|percentage|area|volume|remainder|divisible|integer|"
         "integers|prime|slope|vertex|angle|angles|sqrt|probability|average|sum|digits|digit|"
         "multiple|multiples|square|ratio|units|coordinates|matrix|parabola|polygon|diagonal|"
         "arithmetic|geometric|sequence|median|mean"),
    RULE(MATH, 5, RULE_GAP_1, "how many", "how many|much"),
    RULE(MATH, 6, RULE_GAP_3, "find the value",
         "find|determine|what|what's "
         "value|x|y|sum|number|area|length|probability|smallest|largest|greatest|product|remainder|"
         "distance|domain|range|equation|units"),
    RULE(MATH, 7, 0, "boxed", "boxed|frac|sqrt|cdot|leq|geq|mathbb|pmod|overline|angle|binom"),
    RULE(MATH, 5, RULE_GAP_3, "final answer", "final|exact|numeric|numerical answer|value"),
    RULE(MATH, 4, RULE_GAP_2, "times as many",
         "half|twice|thrice|double|triple|third|quarter|times many|more|much"),
    RULE(MATH, 2, 0, "word problem",
         "each|total|altogether|remaining|left|per|cost|costs|bought|sold|paid|earns|spends|miles|"
         "hours|dollars|apples|twice|half|remain|fewer|dozen"),
    RULE(MATH, 4, 0, "times", "plus|minus|divided|multiplied|squared|cubed"),
    RULE(MATH, 5, 0, "interest rate", "interest|compound|simple|annual interest|rate|return"),
};
const size_t rules_questions_count = ARRAY_LEN(rules_questions);
