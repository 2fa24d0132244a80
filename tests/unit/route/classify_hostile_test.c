/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that are there to mislead, or that nobody thought of: what each comes to, and why. */
#include "route/plan.h"
#include "route/text_model.h"

#include "base/buf.h"

#include "tests/tap.h"
#include "tests/unit/route/support.h"

#define HUGE_BYTES ((size_t)10 << 20)

static struct features features;
static struct classification asked;

static void ask(const char *text)
{
    support_features(text, &features);
    classify_text(text_model_default(), &features, &asked);
}

static bool because(const char *reason)
{
    return strcmp(asked.reason, reason) == 0;
}

static bool is_sound(void)
{
    return asked.task < TASK_COUNT && asked.reason != NULL && asked.reason[0] != '\0' &&
           asked.confidence >= 0 && asked.confidence <= 1.001 && asked.complexity >= 0 &&
           asked.complexity <= 1;
}

static void every_single_byte_has_an_outcome(void)
{
    char text[2] = {0, 0};
    for (int byte = 1; byte < 256; byte++) {
        text[0] = (char)byte;
        ask(text);
        EXPECT(is_sound());
        /* nothing was said, so nothing may make it cheaper than a question */
        EXPECT(required_tier(NULL, &asked) >= TIER_MID || asked.task != TASK_OTHER);
    }
    ask("x");
    EXPECT_INT(asked.task, TASK_OTHER);
    EXPECT(because("no rule matched"));
    EXPECT_INT(required_tier(NULL, &asked), TIER_MID);
    ask("");
    EXPECT(is_sound());
}

/* The instruction counts at either end, and the length adds difficulty. */
static void ten_megabytes_have_an_outcome(void)
{
    static const char first[] = "Summarize the following text in one sentence.\n\n";
    static const char last[] = "\n\nTranslate all of this to French.";
    char *text = malloc(HUGE_BYTES + 1);
    for (size_t i = 0; i < HUGE_BYTES; i++) {
        text[i] = "It rained in the harbour. "[i % 26];
    }
    text[HUGE_BYTES] = '\0';
    memcpy(text, first, sizeof(first) - 1);
    ask(text);
    EXPECT(is_sound());
    EXPECT_INT(asked.task, TASK_SUMMARIZATION);
    EXPECT(features.tokens.expected > 2000000 && features.tokens.expected < 4000000);
    EXPECT(features.tokens.high >= (int64_t)HUGE_BYTES);
    memcpy(text, "It rained in the harbour. It rained in the harbour. ", sizeof(first) - 1);
    memcpy(text + HUGE_BYTES - sizeof(last) + 1, last, sizeof(last) - 1);
    ask(text);
    EXPECT_INT(asked.task, TASK_TRANSLATION);
    free(text);
}

#define PROVE "Prove that the square root of two is irrational."

static void quoted_words_do_not_decide(void)
{
    ask("He wrote \"classify these tickets\" on the wall. " PROVE);
    EXPECT_INT(asked.task, TASK_REASONING);
    EXPECT(because("word: prove"));
    ask("\"Classify this\", the memo said. \"Classify that.\" " PROVE);
    EXPECT_INT(required_tier(NULL, &asked), TIER_PREMIUM);
}

static void repeating_a_word_adds_nothing(void)
{
    struct rule_points once;
    struct rule_points often;
    struct buf text = BUF_INIT(4096);
    support_features("classify. " PROVE, &features);
    classify_points(&features, &asked, &once);
    for (size_t i = 0; i < 12; i++) {
        EXPECT(buf_append_cstr(&text, "classify. "));
    }
    EXPECT(buf_append(&text, slice_of(PROVE, sizeof(PROVE))));
    support_features(text.ptr, &features);
    classify_points(&features, &asked, &often);
    EXPECT(once.of[TASK_CLASSIFICATION] > 0);
    EXPECT(often.of[TASK_CLASSIFICATION] <= once.of[TASK_CLASSIFICATION]);
    buf_release(&text);
}

/* It may not change what the rest asks for, or it must say which word it was. */
static void stuffing_is_seen(void)
{
    static const char *const rests[] = {
        PROVE,
        "what is 2+2",
        "Design the architecture of a payment system of three services; explain trade-offs.",
        "Derive the gradient of the loss step by step and compare both estimators.",
        "Fix the race condition in this lock-free queue.",
        "Plan a migration of our database in five steps.",
    };
    static char text[4096];
    for (size_t i = 0; i < ARRAY_LEN(rests); i++) {
        ask(rests[i]);
        enum tier wanted = required_tier(NULL, &asked);
        snprintf(text, sizeof(text), "classify classify classify classify, then %s", rests[i]);
        ask(text);
        EXPECT(is_sound());
        bool named = asked.task == TASK_CLASSIFICATION && because("word: classify");
        EXPECT(required_tier(NULL, &asked) >= wanted || named);
    }
}

/* Letters of other scripts that look the same make another word; a text is not cheaper for it. */
static void homoglyphs_are_other_words(void)
{
    static const char *const pairs[][2] = {
        {"classify these tickets", "\xd1\x81lassify these tickets"},
        {"Translate to French: good morning", "Tr\xd0\xb0nslate to French: good morning"},
        {"Summarize this article.", "Summ\xd0\xb0rize this article."},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        ask(pairs[i][0]);
        enum tier wanted = required_tier(NULL, &asked);
        char reason[64];
        snprintf(reason, sizeof(reason), "%s", asked.reason);
        EXPECT(strncmp(reason, "word: ", 6) == 0);
        ask(pairs[i][1]);
        EXPECT(is_sound());
        EXPECT(!because(reason));
        EXPECT(required_tier(NULL, &asked) >= wanted);
    }
}

static void what_is_strange_goes_to_the_safe_side(void)
{
    static const char *const strange[] = {
        "Our Raft implementation loses committed entries after leadership transfer when the disk "
        "is slow; find the bug from this trace and propose a fix.",
        "Find all entire functions f such that f(f(z)) = exp(z) or show there are none.",
        "Implement Paxos",
        "From the following core dump, determine which thread corrupted the heap",
        "Get rid of the data race in this channel",
        "\xe2\x8d\xb5\xe2\x86\x90\xe2\x8d\xb3"
        "10 \xe2\x8b\x84 +/\xe2\x8d\xb5",
    };
    static const char *const usual[] = {
        "hi",
        "What is the capital of France?",
        "Classify this review as positive or negative: the phone is great",
        "Translate to German: good morning",
        "Summarize: The cat sat on the mat and then left.",
        "List all the dates in this text: on 3 May we met and on 4 June we left.",
        "Is a tomato a fruit?",
    };
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        ask(strange[i]);
        EXPECT(required_tier(NULL, &asked) > TIER_BUDGET);
    }
    for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
        ask(usual[i]);
        EXPECT_INT(required_tier(NULL, &asked), TIER_BUDGET);
    }
}

/* Greek, Hebrew, Thai, Georgian, Tamil, Amharic, Armenian: the text model knows none of them, so
   nothing that it takes them for makes them cheap. Arabic and Hindi it knows. */
static void unknown_scripts_are_not_cheap(void)
{
    static const char *const texts[] = {
        "Απόδειξε ότι η ρίζα του δύο είναι άρρητη",
        "הוכח ששורש שתיים אי רציונלי",
        "พิสูจน์ว่ารากที่สองของสองเป็นจำนวนอตรรกยะ",
        "ქართული ტექსტი დაამტკიცე",
        "தமிழ் உரை நிரூபி",
        "የአማርኛ ጽሑፍ ማረጋገጫ",
        "Ապացուցիր որ երկուսի արմատը",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ask(texts[i]);
        EXPECT(is_sound());
        EXPECT(required_tier(NULL, &asked) >= TIER_MID);
    }
    ask("لخص هذا النص في جملة واحدة");
    EXPECT_INT(asked.task, TASK_SUMMARIZATION);
    ask("Summarize this text: Το λιμάνι είναι κλειστό σήμερα λόγω του ανέμου.");
    EXPECT_INT(asked.task, TASK_SUMMARIZATION);
}

int main(void)
{
    TEST(every_single_byte_has_an_outcome, "every prompt of one byte has an outcome");
    TEST(ten_megabytes_have_an_outcome, "so has one of ten megabytes, by what its ends ask for");
    TEST(quoted_words_do_not_decide, "words in quotations do not decide");
    TEST(repeating_a_word_adds_nothing, "a word that is repeated counts once");
    TEST(stuffing_is_seen, "stuffed words do not lower the tier, or are named as what decided");
    TEST(homoglyphs_are_other_words, "letters that only look alike make no known word");
    TEST(what_is_strange_goes_to_the_safe_side,
         "what the model is unsure of does not go to the lowest tier, what it knows does");
    TEST(unknown_scripts_are_not_cheap, "what is in a script that nobody learned is not cheap");
    support_reset();
    return tap_done();
}
