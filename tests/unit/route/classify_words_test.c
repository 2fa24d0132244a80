/* SPDX-License-Identifier: Apache-2.0 */
/* How words count: whole words, negation, place, quotes, fences, evidence of code; and what a
 * result looks like. */
#include "route/classify.h"
#include "route/vocabulary.h"
#include "tests/tap.h"
#include "tests/unit/route/support.h"

static struct features features;

static struct classification classify_text(const char *text)
{
    struct classification classification;
    support_features(text, &features);
    classify(&features, &classification);
    return classification;
}

struct expectation {
    const char *text;
    enum task task;
};

static void expect_all(const struct expectation *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct classification c = classify_text(cases[i].text);
        if (c.task != cases[i].task) {
            tap_point_failed = true;
            printf("# %s, not %s (%s): %.90s\n", task_name(c.task), task_name(cases[i].task),
                   c.reason, cases[i].text);
        }
    }
}

static void negated_words_do_not_count(void)
{
    static const struct expectation cases[] = {
        {"Do not summarize, translate this into French: the cat sleeps.", TASK_TRANSLATION},
        {"Don't translate this, summarize it: the cat sleeps all day and hunts at night.",
         TASK_SUMMARIZATION},
        {"Without translating it, rewrite the sentence: je suis fatigue", TASK_REWRITE},
        {"Never classify anything. Extract the dates: 3 May and 9 June", TASK_EXTRACTION},
        {"Please don\xe2\x80\x99t brainstorm; just write a poem about rain", TASK_GENERATION},
        {"Write a haiku, not a summary, of autumn.", TASK_GENERATION},
        {"Instead of a summary, give me a translation into German of: good night",
         TASK_TRANSLATION},
        {"Refactor this function, do not write tests.\n```py\ndef f(a):\n    return a\n```",
         TASK_CODE_REFACTOR},
        {"Write unit tests for f without fixing the bug.\n```py\ndef f(a):\n    return a\n```",
         TASK_CODE_TESTS},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

static void a_description_is_no_negation(void)
{
    static const struct expectation cases[] = {
        {"My code does not compile, fix it.\n```c\nint a = ;\n```", TASK_CODE_FIX},
        {"The function is not working, what is wrong?\n```js\nlet a = b.c;\n```", TASK_CODE_FIX},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

static void quoted_words_count_least(void)
{
    static const struct expectation cases[] = {
        {"Translate to Spanish: \"summarize the text and classify the ideas\"", TASK_TRANSLATION},
        {"What is the meaning of \"classify\"?", TASK_QA_OPEN},
        {"Fix the grammar: \"write me a poem about translate and extract\"", TASK_REWRITE},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

static void words_in_code_count_least(void)
{
    static const struct expectation cases[] = {
        {"Explain this code.\n```py\ndef summarize(text):\n    translate(text)\n    "
         "classify(text)\n```",
         TASK_CODE_DOCS},
        {"Review this code.\n```js\nfunction optimize() {\n  refactor();\n  debug();\n}\n```",
         TASK_CODE_REVIEW},
        {"Write tests for this.\n\nstatic int fix_bug(int security)\n{\n    return "
         "optimize(security);\n}\n",
         TASK_CODE_TESTS},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

static void the_opening_counts_most(void)
{
    static const struct expectation cases[] = {
        {"Summarize this text about how people translate and classify documents.",
         TASK_SUMMARIZATION},
        {"Translate this summary of the classification into Dutch.", TASK_TRANSLATION},
        {"Classify this review of a translation: good.", TASK_CLASSIFICATION},
        {"Hi! Could you please quickly translate the following summary to Danish? It is short.",
         TASK_TRANSLATION},
        {"I have a question. Can you rewrite my essay so that it sounds friendlier?", TASK_REWRITE},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

#define LONG_TEXT                                                                                  \
    "The committee met on Monday to speak about the new bridge. Two members wanted to write a "    \
    "letter, others to translate the plans and to classify the offers. In the end they agreed to " \
    "summarize what was known and to solve the question of money later, when the numbers of the "  \
    "engineers are in. Nobody could explain why the old one had been closed for so long."

static void the_request_may_stand_after_the_text(void)
{
    static const struct expectation cases[] = {
        {LONG_TEXT "\n\nTranslate this into Polish.", TASK_TRANSLATION},
        {LONG_TEXT "\n\nSummarize the text above.", TASK_SUMMARIZATION},
        {LONG_TEXT "\n\nWho wanted to write a letter?", TASK_QA_CLOSED},
        {LONG_TEXT "\n\nRewrite it in a formal tone.", TASK_REWRITE},
        {"Text:\n" LONG_TEXT "\n\nExtract every action that was decided.", TASK_EXTRACTION},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

static void parts_of_words_are_no_words(void)
{
    static const struct expectation cases[] = {
        {"The showroom howls.", TASK_OTHER},
        {"Prefixed subtests whatever", TASK_OTHER},
        {"reclassifyable untranslated retested", TASK_OTHER},
    };
    expect_all(cases, ARRAY_LEN(cases));
    support_features("a showroom", &features);
    EXPECT_INT(features.hits.count, 0);
}

static void code_tasks_need_evidence_of_code(void)
{
    static const struct expectation cases[] = {
        {"Review my essay about whales and fix the grammar.", TASK_REWRITE},
        {"Write a story about an architect who likes to document old towns.", TASK_GENERATION},
        {"Rename my cat: suggest ten ideas", TASK_BRAINSTORMING},
        {"What is a good test of character?", TASK_QA_OPEN},
        {"How can I optimize my morning routine?", TASK_QA_OPEN},
        {"Classify these languages as compiled or interpreted: Python, C, Ruby, Rust",
         TASK_CLASSIFICATION},
        {"Translate this error message of the compiler to German: missing semicolon",
         TASK_TRANSLATION},
    };
    expect_all(cases, ARRAY_LEN(cases));
}

static void the_system_prompt_may_name_the_task(void)
{
    struct classification c;
    support_reset();
    support_add(ROLE_SYSTEM, "You are a translator. Translate everything the user says to French.");
    support_add(ROLE_USER, "The weather is fine and the boats are out.");
    features_extract(&support.chat, &features);
    classify(&features, &c);
    EXPECT_INT(c.task, TASK_TRANSLATION);
}

static void the_user_overrides_the_system_prompt(void)
{
    struct classification c;
    support_reset();
    support_add(ROLE_SYSTEM, "You summarize texts for a newspaper.");
    support_add(ROLE_USER, "Translate into Italian: the weather is fine.");
    features_extract(&support.chat, &features);
    classify(&features, &c);
    EXPECT_INT(c.task, TASK_TRANSLATION);
}

static void a_short_answer_belongs_to_the_turn_before(void)
{
    struct classification c;
    support_reset();
    support_add(ROLE_USER, "Translate the menu of our restaurant, it is long.");
    support_add(ROLE_ASSISTANT, "Into which language?");
    support_add(ROLE_USER, "Spanish one");
    features_extract(&support.chat, &features);
    classify(&features, &c);
    EXPECT_INT(c.task, TASK_TRANSLATION);
}

static void completions_are_told_by_their_operation(void)
{
    struct classification c;
    support_reset();
    support_add(ROLE_USER, "const total = items.reduce((sum, item) => sum + ");
    support.chat.operation = OPERATION_COMPLETION;
    support.chat.suffix = SLICE(");");
    features_extract(&support.chat, &features);
    classify(&features, &c);
    EXPECT_INT(c.task, TASK_CODE_COMPLETION);
    EXPECT(strcmp(c.reason, "shape: fill in the middle") == 0);
}

static void results_are_explained_and_bounded(void)
{
    static const char *const texts[] = {
        "",       " ",     "?",   "Summarize this.", "What is love?", "```",
        "\n\n\n", "a b c", "fix", "SELECT 1;"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct classification c = classify_text(texts[i]);
        EXPECT((int)c.task >= 0 && c.task < TASK_COUNT);
        EXPECT(c.confidence >= 0 && c.confidence <= 1);
        EXPECT(c.complexity >= 0 && c.complexity <= 1);
        EXPECT(c.reason != NULL && c.reason[0] != 0);
        EXPECT(!c.given);
    }
    EXPECT(strcmp(classify_text("Summarize this.").reason, "word: summarize") == 0);
    EXPECT_INT(classify_text("").task, TASK_OTHER);
}

static void more_evidence_is_more_confidence(void)
{
    double clear = classify_text("Translate this to French: hello").confidence;
    double vague = classify_text("Tell me about the translation and the summary").confidence;
    EXPECT(clear > vague);
}

static void the_same_text_gives_the_same_result(void)
{
    struct classification first = classify_text("Write a poem about the sea and summarize it.");
    struct classification second = classify_text("Write a poem about the sea and summarize it.");
    EXPECT(first.task == second.task && first.reason == second.reason);
    EXPECT(first.confidence <= second.confidence && first.confidence >= second.confidence);
}

static void every_task_has_a_rule(void)
{
    const struct vocabulary *v = vocabulary_get();
    bool seen[TASK_COUNT] = {[TASK_OTHER] = true};
    for (size_t i = 0; i < v->phrase_count; i++) {
        const struct word_rule *rule = v->phrases[i].rule;
        seen[rule->task] = true;
        EXPECT(rule->weight > 0);
        EXPECT(strncmp(rule->reason, "word: ", 6) == 0);
        bool code_task = rule->task >= TASK_CODE_COMPLETION;
        bool needs_code = (rule->flags & RULE_CODE) != 0;
        /* a phrase may be evidence by itself ("review my pull request"), a lone word never */
        EXPECT(code_task ? needs_code || v->phrases[i].length > 1 : !needs_code);
    }
    for (int task = 0; task < TASK_COUNT; task++) {
        EXPECT(seen[task]);
    }
}

int main(void)
{
    TEST(negated_words_do_not_count, "negated words do not count");
    TEST(a_description_is_no_negation, "\"does not compile\" describes and negates nothing");
    TEST(quoted_words_count_least, "quoted words count least");
    TEST(words_in_code_count_least, "words inside code count least");
    TEST(the_opening_counts_most, "the opening of the request counts most");
    TEST(the_request_may_stand_after_the_text, "the request may stand after the text");
    TEST(parts_of_words_are_no_words, "parts of words are no words");
    TEST(code_tasks_need_evidence_of_code, "code tasks need evidence of code");
    TEST(the_system_prompt_may_name_the_task, "the system prompt may name the task");
    TEST(the_user_overrides_the_system_prompt, "the user overrides the system prompt");
    TEST(a_short_answer_belongs_to_the_turn_before, "a short answer belongs to the turn before");
    TEST(completions_are_told_by_their_operation, "fill in the middle is told by its operation");
    TEST(results_are_explained_and_bounded, "results are explained and bounded");
    TEST(more_evidence_is_more_confidence, "more evidence is more confidence");
    TEST(the_same_text_gives_the_same_result, "the same text gives the same result");
    TEST(every_task_has_a_rule,
         "every task has a rule, code rules need code or a phrase that speaks of it");
    support_reset();
    return tap_done();
}
