/* SPDX-License-Identifier: Apache-2.0 */
#include "route/check.h"

#include "base/check.h"

#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>

struct row {
    const char *prompt;
    const char *text;
    enum check_result result;
};

static void expect_rows(enum check_result (*check)(const struct checked_answer *answer),
                        const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct checked_answer answer = {
            .prompt = slice_from_cstr(rows[i].prompt == NULL ? "" : rows[i].prompt),
            .text = slice_from_cstr(rows[i].text),
            .finish = FINISH_STOP,
        };
        enum check_result result = check(&answer);
        if (result != rows[i].result) {
            printf("# %.60s: %d\n", rows[i].text, (int)result);
        }
        EXPECT_INT(result, rows[i].result);
    }
}

static void empty_answers(void)
{
    static const struct row rows[] = {
        {NULL, "", CHECK_FAILED},
        {NULL, " \n\t ", CHECK_FAILED},
        {NULL, " 7", CHECK_PASSED},
    };
    static const struct checked_call call = {.known = true};
    expect_rows(check_empty, rows, ARRAY_LEN(rows));
    EXPECT_INT(check_empty(&(struct checked_answer){.calls = &call, .call_count = 1}),
               CHECK_PASSED);
    EXPECT_INT(check_empty(&(struct checked_answer){.carries = true}), CHECK_PASSED);
    EXPECT_INT(check_empty(&(struct checked_answer){.partial = true}), CHECK_FAILED);
}

static void refusals(void)
{
    static const struct row rows[] = {
        {NULL, "I'm sorry, but I can't help with that.", CHECK_FAILED},
        {NULL, "I\xe2\x80\x99m sorry, but I can\xe2\x80\x99t help with that.", CHECK_FAILED},
        {NULL, "Es tut mir leid, aber dabei kann ich nicht helfen.", CHECK_FAILED},
        {NULL, "抱歉，我无法回答这个问题。", CHECK_FAILED},
        {NULL, "Sorry for the delay: the answer is 7.", CHECK_PASSED},
        {NULL, "You can't divide by zero.", CHECK_PASSED},
        {NULL, "", CHECK_SILENT},
    };
    expect_rows(check_refusal, rows, ARRAY_LEN(rows));
    EXPECT_INT(check_refusal(&(struct checked_answer){.text = SLICE("Hm."), .refused = true}),
               CHECK_FAILED);
    EXPECT_INT(check_refusal(
                   &(struct checked_answer){.text = SLICE("Hm."), .finish = FINISH_CONTENT_FILTER}),
               CHECK_FAILED);
}

static void truncated_answers(void)
{
    struct checked_answer answer = {.text = SLICE("And so"), .finish = FINISH_LENGTH};
    EXPECT_INT(check_truncated(&answer), CHECK_FAILED);
    answer.limited = true;
    EXPECT_INT(check_truncated(&answer), CHECK_SILENT);
    answer.finish = FINISH_STOP;
    EXPECT_INT(check_truncated(&answer), CHECK_PASSED);
    answer.finish = FINISH_NONE;
    EXPECT_INT(check_truncated(&answer), CHECK_SILENT);
}

#define QUESTION "Could you explain to me in a few sentences how the tides of the sea come about?"
#define ENGLISH                                                                                    \
    "The tides are made by the pull of the moon and the sun. They come twice a day, and that is "  \
    "why you have to look at the clock before you walk on the sand, which is there for a while."
#define GERMAN                                                                                     \
    "Die Gezeiten entstehen durch die Anziehung des Mondes und der Sonne. Das Wasser steigt und "  \
    "sinkt zwei Mal am Tag, und es ist nicht immer leicht, sich das für eine Küste auszurechnen."

static void languages(void)
{
    static const struct row rows[] = {
        {ENGLISH, ENGLISH, CHECK_PASSED},
        {QUESTION, GERMAN, CHECK_SILENT}, /* the question has too few common words to be sure */
        {ENGLISH, GERMAN, CHECK_FAILED},
        {GERMAN, ENGLISH, CHECK_FAILED},
        {GERMAN, GERMAN, CHECK_PASSED},
        {ENGLISH " Please answer in German.", GERMAN, CHECK_SILENT},
        {ENGLISH, "潮汐是由月球和太阳的引力引起的，海水每天涨落两次，所以去海边之前要看时间。",
         CHECK_FAILED},
        {ENGLISH, "Приливы вызываются притяжением Луны и Солнца, вода поднимается дважды в день.",
         CHECK_FAILED},
        {"潮汐是怎么产生的？请用几句话解释一下海水为什么每天涨落两次。", ENGLISH, CHECK_FAILED},
        {ENGLISH, "42", CHECK_SILENT},
        {"Was?", ENGLISH, CHECK_SILENT},
        {ENGLISH, "```python\nprint('das ist nicht der und die')\n```", CHECK_SILENT},
    };
    expect_rows(check_language, rows, ARRAY_LEN(rows));
}

static char *repeated(const char *head, const char *part, size_t turns)
{
    size_t size = strlen(head) + strlen(part) * turns + 1;
    char *text = malloc(size);
    if (text == NULL) {
        abort();
    }
    memcpy(text, head, strlen(head));
    char *at = text + strlen(head);
    for (size_t i = 0; i < turns; i++) {
        memcpy(at, part, strlen(part));
        at += strlen(part);
    }
    *at = '\0';
    return text;
}

static enum check_result repetition_of(const char *head, const char *part, size_t turns)
{
    char *text = repeated(head, part, turns);
    enum check_result result =
        check_repetition(&(struct checked_answer){.text = slice_from_cstr(text)});
    free(text);
    return result;
}

static void loops(void)
{
    EXPECT_INT(repetition_of("The answer is: ", "and then it is so, ", 40), CHECK_FAILED);
    EXPECT_INT(repetition_of("Well.", " no", 200), CHECK_FAILED);
    EXPECT_INT(repetition_of("Well.", " no", 20), CHECK_PASSED);
    EXPECT_INT(repetition_of("| a | b |\n", "-", 300), CHECK_PASSED); /* a ruler */
    EXPECT_INT(repetition_of("", "-", 4000), CHECK_FAILED);
    EXPECT_INT(repetition_of("# Steps\n", "1. Take the lid off the pot.\n", 12), CHECK_FAILED);
    EXPECT_INT(repetition_of("# Steps\n", "1. Take the lid off the pot.\n", 5), CHECK_PASSED);
    EXPECT_INT(repetition_of(ENGLISH, "", 0), CHECK_PASSED);
    EXPECT_INT(repetition_of("", "", 0), CHECK_SILENT);
}

static void sums(void)
{
    static const struct row rows[] = {
        {NULL, "3 * 4 = 12, so it is 12.", CHECK_PASSED},
        {NULL, "3 * 4 = 12 and 7 + 8 = 16", CHECK_FAILED},
        {NULL, "It is twelve.", CHECK_SILENT},
    };
    expect_rows(check_arithmetic, rows, ARRAY_LEN(rows));
}

static enum check_result json_of(enum answer_format format, const char *schema, const char *text)
{
    const struct checked_answer answer = {.format = format,
                                          .schema = slice_from_cstr(schema),
                                          .text = slice_from_cstr(text),
                                          .finish = FINISH_STOP};
    return schema[0] == '\0' ? check_json(&answer) : check_schema(&answer);
}

static void json_answers(void)
{
    EXPECT_INT(json_of(FORMAT_TEXT, "", "no"), CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_OBJECT, "", "{\"a\": 1}"), CHECK_PASSED);
    EXPECT_INT(json_of(FORMAT_JSON_OBJECT, "", " [1]"), CHECK_FAILED);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "", "[1]"), CHECK_PASSED);
    EXPECT_INT(json_of(FORMAT_JSON_OBJECT, "", "```json\n{}\n```"), CHECK_FAILED);
    EXPECT_INT(json_of(FORMAT_JSON_OBJECT, "", "{\"a\": 1"), CHECK_FAILED);
    EXPECT_INT(json_of(FORMAT_JSON_OBJECT, "", ""), CHECK_FAILED);
}

/* A schema, what fits it and what does not. */
static void schemas(void)
{
    static const struct {
        const char *schema;
        const char *good;
        const char *bad;
    } rows[] = {
        {"{\"type\":\"object\"}", "{}", "[]"},
        {"{\"type\":\"OBJECT\"}", "{}", "3"},
        {"{\"type\":[\"string\",\"null\"]}", "null", "3"},
        {"{\"type\":\"string\",\"nullable\":true}", "null", "false"},
        {"{\"type\":\"integer\"}", "3.0", "3.5"},
        {"{\"type\":\"number\"}", "-1.5e3", "\"1\""},
        {"{\"type\":\"boolean\"}", "false", "null"},
        {"{\"enum\":[\"a\",2,[1,{\"x\":null}]]}", "[1,{\"x\":null}]", "[1,{\"x\":0}]"},
        {"{\"enum\":[\"a\"]}", "\"\\u0061\"", "\"b\""},
        {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2.0,\"a\":1}", "{\"a\":1}"},
        {"{\"required\":[\"a\"]}", "{\"a\":null}", "{\"b\":1}"},
        {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":\"x\",\"b\":1}", "{\"a\":1}"},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1}", "{\"b\":1}"},
        {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"x\":1}", "{\"x\":\"1\"}"},
        {"{\"items\":{\"type\":\"integer\"}}", "[1,2]", "[1,\"2\"]"},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":false}", "[\"a\"]", "[\"a\",1]"},
        {"{\"minItems\":1,\"maxItems\":2}", "[1]", "[]"},
        {"{\"maxItems\":2}", "[1,2]", "[1,2,3]"},
        {"{\"minLength\":2}", "\"ab\"", "\"\xc3\xa9\""},
        {"{\"maxLength\":1}", "\"\xc3\xa9\"", "\"ab\""},
        {"{\"minProperties\":1}", "{\"a\":1}", "{}"},
        {"{\"maxProperties\":1}", "{\"a\":1}", "{\"a\":1,\"b\":2}"},
        {"{\"minimum\":0,\"maximum\":1}", "1", "1.1"},
        {"{\"exclusiveMinimum\":0}", "0.1", "0"},
        {"{\"exclusiveMaximum\":1}", "0.9", "1"},
        {"{\"multipleOf\":0.1}", "0.3", "0.35"},
        {"{\"pattern\":\"^[a-z]+$\"}", "\"abc\"", "\"Abc\""},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "2", "3"},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "null", "1"},
        {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":5}]}", "0", "3"},
        {"{\"not\":{\"type\":\"string\"}}", "1", "\"a\""},
        {"{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"type\":\"integer\"}}}", "1", "\"1\""},
        {"{\"properties\":{\"next\":{\"$ref\":\"#\"},\"v\":{\"type\":\"integer\"}},"
         "\"required\":[\"v\"]}",
         "{\"v\":1,\"next\":{\"v\":2}}", "{\"v\":1,\"next\":{}}"},
        {"true", "1", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, rows[i].schema, rows[i].good), CHECK_PASSED);
        if (rows[i].bad != NULL &&
            json_of(FORMAT_JSON_SCHEMA, rows[i].schema, rows[i].bad) != CHECK_FAILED) {
            printf("# %s takes %s\n", rows[i].schema, rows[i].bad);
            EXPECT(false);
        }
    }
}

static void hostile_schemas(void)
{
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "{\"$ref\":\"#\"}", "1"), CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "{\"$ref\":\"http://x/\"}", "1"), CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", "1"),
               CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "{\"pattern\":\"(\"}", "\"a\""), CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "{\"pattern\":\"^(a+)+$\"}",
                       "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""),
               CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "nonsense", "1"), CHECK_SILENT);
    EXPECT_INT(json_of(FORMAT_JSON_SCHEMA, "{\"type\":3}", "1"), CHECK_PASSED);
}

static enum check_result tool_of(const char *schema, const char *arguments, bool known)
{
    const struct checked_call call = {.name = SLICE("f"),
                                      .schema = slice_from_cstr(schema),
                                      .arguments = slice_from_cstr(arguments),
                                      .known = known};
    return check_tool(&(struct checked_answer){.calls = &call, .call_count = 1});
}

static void tool_arguments(void)
{
    static const char city[] =
        "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}"
        ",\"required\":[\"city\"]}";
    EXPECT_INT(tool_of(city, "{\"city\":\"Oslo\"}", true), CHECK_PASSED);
    EXPECT_INT(tool_of(city, "{\"town\":\"Oslo\"}", true), CHECK_FAILED);
    EXPECT_INT(tool_of(city, "{\"city\":\"Oslo\"", true), CHECK_FAILED);
    EXPECT_INT(tool_of(city, "", true), CHECK_FAILED);
    EXPECT_INT(tool_of("", "", true), CHECK_SILENT);
    EXPECT_INT(tool_of("", "{", true), CHECK_FAILED);
    EXPECT_INT(tool_of(city, "{\"city\":\"Oslo\"}", false), CHECK_FAILED);
    EXPECT_INT(check_tool(&(struct checked_answer){.text = SLICE("no call")}), CHECK_SILENT);
}

static void patterns(void)
{
    struct arena arena;
    const struct check_pattern *pattern;
    char text[80];
    size_t offset;
    arena_init(&arena, 1u << 20);
    EXPECT(check_pattern_compile(SLICE("(?m)^#### -?[0-9]+$"), &arena, &pattern, &offset, text,
                                 sizeof(text)));
    EXPECT_INT(check_pattern_search(pattern, SLICE("So:\n#### 42")), CHECK_PASSED);
    EXPECT_INT(check_pattern_search(pattern, SLICE("So: 42")), CHECK_FAILED);
    EXPECT_INT(check_pattern_search(pattern, SLICE_EMPTY), CHECK_FAILED);
    EXPECT_INT(check_pattern_search(pattern, SLICE("\xff")), CHECK_SILENT); /* no UTF-8 */
    EXPECT(!check_pattern_compile(SLICE("a(b"), &arena, &pattern, &offset, text, sizeof(text)));
    EXPECT_INT(offset, 3);
    EXPECT(text[0] != '\0');
    EXPECT(check_pattern_compile(SLICE("^(a+)+$"), &arena, &pattern, &offset, text, sizeof(text)));
    EXPECT_INT(check_pattern_search(
                   pattern, SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")),
               CHECK_SILENT);
    arena_release(&arena);
}

static void choices(void)
{
    static const struct slice words[] = {SLICE_INIT("yes"), SLICE_INIT("no"), SLICE_INIT("(C)")};
    const struct check_settings settings = {.choices = words, .choice_count = ARRAY_LEN(words)};
    EXPECT_INT(check_choice(&settings, &(struct checked_answer){.text = SLICE("Yes.")}),
               CHECK_PASSED);
    EXPECT_INT(check_choice(&settings, &(struct checked_answer){.text = SLICE("It is (C) then")}),
               CHECK_PASSED);
    EXPECT_INT(check_choice(&settings, &(struct checked_answer){.text = SLICE("Nobody knows")}),
               CHECK_FAILED);
    EXPECT_INT(check_choice(&settings, &(struct checked_answer){.text = SLICE_EMPTY}),
               CHECK_FAILED);
    EXPECT_INT(check_choice(&(struct check_settings){.threshold = 0},
                            &(struct checked_answer){.text = SLICE("x")}),
               CHECK_SILENT);
}

static void code_blocks(void)
{
    static const struct row rows[] = {
        {NULL, "So:\n```json\n{\"a\": [1, 2]}\n```\nDone.", CHECK_PASSED},
        {NULL, "```json\n{\"a\": [1, 2}\n```", CHECK_FAILED},
        {NULL, "```json\n{\"a\": 1,\n...\n}\n```", CHECK_SILENT},
        {NULL, "```json\n{\"a\": 1,", CHECK_SILENT},
        {NULL, "```\nno name\n```", CHECK_SILENT},
        {NULL, "```cobol\nMOVE A TO\n```", CHECK_SILENT},
        {NULL, "no block at all", CHECK_SILENT},
    };
    expect_rows(check_code, rows, ARRAY_LEN(rows));
}

static void parsed_code(void)
{
#ifdef SLUICE_GRAMMARS
    static const struct row rows[] = {
        {NULL, "```python\ndef f(x):\n    return x + 1\n```", CHECK_PASSED},
        {NULL, "```python\ndef f(x:\n    return x +\n```", CHECK_FAILED},
        {NULL, "```py\nprint('a'\n```", CHECK_FAILED},
        {NULL, "```js\nconst f = (x) => x + 1;\n```", CHECK_PASSED},
        {NULL, "```javascript\nfunction f( { return }\n```", CHECK_FAILED},
        {NULL, "```c\nint main(void) { return 0; }\n```", CHECK_PASSED},
        {NULL, "```c\nint main(void) { return 0;\n```", CHECK_FAILED},
        {NULL, "```go\nfunc f(x int) int { return x + 1 }\n```", CHECK_PASSED},
        {NULL, "```go\nfunc f(x int int { return }\n```", CHECK_FAILED},
        {NULL, "```java\nclass A { int f() { return 1; } }\n```", CHECK_PASSED},
        {NULL, "```java\nclass A { int f( { return 1; }\n```", CHECK_FAILED},
    };
    expect_rows(check_code, rows, ARRAY_LEN(rows));
    EXPECT(check_code_language(0) != NULL);
#else
    EXPECT(strcmp(check_code_language(0), "json") == 0);
    EXPECT(check_code_language(1) == NULL);
#endif
}

static void evidence_is_added_up(void)
{
    struct check_settings settings = {
        .when = CHECK_BIT(CHECK_ARITHMETIC) | CHECK_BIT(CHECK_EMPTY),
        .threshold = 0.5,
    };
    struct checked checked;
    answer_check(&settings, &(struct checked_answer){.text = SLICE("3 + 4 = 7")}, CHECK_PRIOR,
                 &checked);
    EXPECT(checked_accepts(&checked, &settings));
    EXPECT_INT(checked.worst, CHECK_COUNT);
    EXPECT(checked.log_odds > CHECK_PRIOR);
    answer_check(&settings, &(struct checked_answer){.text = SLICE("3 + 4 = 8")}, CHECK_PRIOR,
                 &checked);
    EXPECT(!checked_accepts(&checked, &settings));
    EXPECT_INT(checked.worst, CHECK_ARITHMETIC);
    settings.threshold = 0.05;
    EXPECT(checked_accepts(&checked, &settings)); /* one wrong sum is an opinion */
    answer_check(&settings, &(struct checked_answer){.text = SLICE("3 + 4 = 8")}, 6, &checked);
    settings.threshold = 0.5;
    EXPECT(checked_accepts(&checked, &settings)); /* of somebody who is nearly always right */
    answer_check(&settings, &(struct checked_answer){.text = SLICE_EMPTY}, 6, &checked);
    EXPECT(!checked_accepts(&checked, &settings)); /* nothing is nothing, whoever said it */
    EXPECT_INT(checked.worst, CHECK_EMPTY);
    answer_check(&settings, &(struct checked_answer){.text = SLICE("It is 7.")}, -6, &checked);
    EXPECT(checked_accepts(&checked, &settings)); /* of somebody who is hardly ever right */
    answer_check(&settings, &(struct checked_answer){.text = SLICE_EMPTY}, 6, &checked);
    checked_add(&checked, CHECK_JUDGE, CHECK_FAILED, -9);
    EXPECT_INT(checked.worst, CHECK_JUDGE);
    checked_add(&checked, CHECK_JUDGE, CHECK_FAILED, -1);
    EXPECT_INT(checked.worst, CHECK_JUDGE);
}

static void only_what_was_asked_for(void)
{
    const struct check_settings settings = {.when = CHECK_BIT(CHECK_REFUSAL), .threshold = 0.5};
    struct checked checked;
    answer_check(&settings, &(struct checked_answer){.text = SLICE_EMPTY, .finish = FINISH_LENGTH},
                 CHECK_PRIOR, &checked);
    EXPECT_INT(checked.results[CHECK_EMPTY], CHECK_SILENT);
    EXPECT_INT(checked.results[CHECK_TRUNCATED], CHECK_SILENT);
    EXPECT(checked_accepts(&checked, &settings));
}

static void early_signals(void)
{
    const struct check_settings settings = {.when = ~0u, .threshold = 0.5};
    struct checked checked;
    answer_check(&settings,
                 &(struct checked_answer){
                     .text = SLICE("1 + 1 = 3"), .partial = true, .format = FORMAT_JSON_OBJECT},
                 CHECK_PRIOR, &checked);
    EXPECT(checked_accepts(&checked, &settings));
    answer_check(&settings,
                 &(struct checked_answer){.text = SLICE("I cannot help"), .partial = true},
                 CHECK_PRIOR, &checked);
    EXPECT(!checked_accepts(&checked, &settings));
}

static void confidence(void)
{
    const struct check_settings settings = {
        .when = CHECK_BIT(CHECK_CONFIDENCE), .threshold = 0.5, .min_mean_logprob = -1};
    struct checked checked;
    answer_check(&settings, &(struct checked_answer){.tokens_scored = 9, .mean_logprob = -1.5},
                 CHECK_PRIOR, &checked);
    EXPECT_INT(checked.worst, CHECK_CONFIDENCE);
    answer_check(&settings, &(struct checked_answer){.tokens_scored = 9, .mean_logprob = -0.5},
                 CHECK_PRIOR, &checked);
    EXPECT_INT(checked.worst, CHECK_COUNT);
    answer_check(&settings, &(struct checked_answer){.tokens_scored = 0, .mean_logprob = -9},
                 CHECK_PRIOR, &checked);
    EXPECT_INT(checked.results[CHECK_CONFIDENCE], CHECK_SILENT);
}

static void names(void)
{
    for (unsigned i = 0; i < CHECK_COUNT; i++) {
        enum answer_check check;
        EXPECT(answer_check_from_name(slice_from_cstr(answer_check_name((enum answer_check)i)),
                                      &check));
        EXPECT_INT(check, i);
    }
    enum answer_check check;
    EXPECT(!answer_check_from_name(SLICE("error"), &check));
    EXPECT(fabs(probability_of(log_odds_of(0.3)) - 0.3) < 1e-9);
    EXPECT(isfinite(log_odds_of(0)) && isfinite(log_odds_of(1)));
    EXPECT(log_odds_of((double)NAN) < 0);
}

int main(void)
{
    TEST(empty_answers, "an answer of blanks is empty; a call or a picture is an answer");
    TEST(refusals, "refusals are told from answers that mention what cannot be done");
    TEST(truncated_answers, "the model's limit truncates; the client's own is the client's wish");
    TEST(languages, "an answer in another language than the question fails unless it was wanted");
    TEST(loops, "an end that goes round and round is a loop; a ruler is not");
    TEST(sums, "sums that do not come out fail");
    TEST(json_answers, "what must be JSON is parsed as it is");
    TEST(schemas, "each word of a schema takes what fits it and refuses what does not");
    TEST(hostile_schemas, "schemas in circles, and expressions that explode, decide nothing");
    TEST(tool_arguments, "arguments of tools fit their schema, and the tool exists");
    TEST(patterns, "a pattern must be found; matching is bounded");
    TEST(choices, "one of the choices must be said, as a word");
    TEST(code_blocks, "fenced blocks are judged by the language that they name");
    TEST(parsed_code, "code is parsed where a grammar is built in");
    TEST(evidence_is_added_up, "results add up on what was known before, against a threshold");
    TEST(only_what_was_asked_for, "checks that were not asked for say nothing");
    TEST(early_signals, "of the beginning of an answer only early checks speak");
    TEST(confidence, "a low mean log-probability counts where there is one");
    TEST(names, "every check has a name of its own");
    return tap_done();
}
