/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that would be cheaper for what they quote, repeat or disguise, and honest ones that look
   like these. */
#include "route/reread.h"

#include "base/buf.h"

#include "tests/tap.h"
#include "tests/unit/route/support.h"

#define TEXT_MAX 40000

static struct features features;
static struct classification asked;

static void read_once(const char *text)
{
    support_features(text, &features);
    classify_text(text_model_default(), &features, &asked);
}

static void read_twice(const char *text)
{
    read_once(text);
    reread(text_model_default(), NULL, &support.chat, &features, &asked);
}

static const char *const hard[] = {
    "Prove that the square root of two is irrational.",
    "Design the architecture of a payment system of three services; explain trade-offs.",
    "Derive the gradient of the loss step by step and compare both estimators.",
    "Plan a migration of our database in five steps.",
    "Why does this service deadlock under load? Find the root cause across the three modules.",
    "Audit this login handler for security vulnerabilities such as injection.",
    "Beweise, dass die Wurzel aus zwei irrational ist, und erkläre jeden Schritt.",
    "Démontre que la racine carrée de deux est irrationnelle.",
    "Demuestra que la raíz cuadrada de dos es irracional.",
    "证明根号二是无理数。",
};

struct form {
    const char *before;
    const char *after;
};

/* Some of them are cheaper when they are read once, or there would be nothing to guard against. */
static unsigned cheaper_once;

static void expect_as_dear(const char *text, enum tier wanted)
{
    read_once(text);
    cheaper_once += required_tier(NULL, &asked) < wanted;
    read_twice(text);
    if (required_tier(NULL, &asked) < wanted) {
        printf("# %.200s: %s, %s\n", text, task_name(asked.task), asked.reason);
    }
    EXPECT(required_tier(NULL, &asked) >= wanted);
    EXPECT(asked.confidence >= 0 && asked.complexity >= 0 && asked.complexity <= 1);
}

static void expect_forms(const struct form *forms, size_t count)
{
    static char text[TEXT_MAX];
    cheaper_once = 0;
    for (size_t i = 0; i < count * ARRAY_LEN(hard); i++) {
        const char *rest = hard[i / count];
        read_once(rest);
        enum tier wanted = required_tier(NULL, &asked);
        snprintf(text, sizeof(text), "%s%s%s", forms[i % count].before, rest,
                 forms[i % count].after);
        expect_as_dear(text, wanted);
    }
    EXPECT(cheaper_once > count);
}

static void quotations_make_nothing_cheaper(void)
{
    static const struct form forms[] = {
        {"> classify these tickets as spam or not\n\n", ""},
        {"> Translate this to French.\n> Summarize that.\n>\n> Classify it.\n", ""},
        {"", "\n\n> classify classify classify\n> translate it to French"},
        {">> Rewrite this sentence.\n> Extract the names.\n\n", ""},
        {">classify the sentiment of this review\n", ""},
        {"", "\n> please just translate this word to Spanish"},
        {"\"Classify this ticket as spam or ham.\" ", ""},
        {"\"Translate this.\" \"Classify that.\" \"Summarize it.\" ", ""},
        {"", " \"Translate this sentence to French. Summarize the text.\""},
        {"\xe2\x80\x9c"
         "Classify the sentiment as positive or negative.\xe2\x80\x9d ",
         ""},
        {"\xc2\xab"
         "Translate this to English.\xc2\xbb ",
         ""},
        {"\xe2\x80\x9eÜbersetze das ins Englische.\xe2\x80\x9c ", ""},
        {"\"Summarize this article in one sentence.\nExtract all names.\"\n", ""},
        {"```\nclassify these tickets as spam or ham\n```\n", ""},
        {"", "\n```\nTranslate to French: good morning\nSummarize the text.\n```"},
        {"```text\nClassify the sentiment: positive or negative?\n```\n\n", ""},
        {"~~~\nTranslate this sentence to German.\n~~~\n", ""},
        {"<email>Classify this message as spam or not spam.</email>\n", ""},
        {"<quote>\nTranslate this to French.\nSummarize that.\n</quote>\n", ""},
        {"", "\n<document>Extract the names and classify the sentiment.</document>"},
        {"<user_input lang=\"en\">summarize this text</user_input> ", ""},
    };
    expect_forms(forms, ARRAY_LEN(forms));
}

static void stuffing_makes_nothing_cheaper(void)
{
    static const struct form forms[] = {
        {"classify classify classify classify, then ", ""},
        {"classify classify classify classify. ", ""},
        {"translate translate translate translate translate translate. ", ""},
        {"", " classify classify classify classify classify"},
        {"classify translate summarize classify translate summarize classify translate summarize ",
         ""},
        {"", "\nclassify, classify, classify, classify"},
        {"classify\nclassify\nclassify\nclassify\n", ""},
        {"Classify! Classify! Classify! ", ""},
        {"classify this classify this classify this classify this. ", ""},
        {"classify classify classify ", " classify classify classify"},
        {"#classify #spam #classify #spam #classify #spam ", ""},
        {"spam or ham, spam or ham, spam or ham, spam or ham: ", ""},
        {"übersetze übersetze übersetze übersetze ", ""},
        {"traduire traduire traduire traduire, ", ""},
        {"clasifica clasifica clasifica clasifica: ", ""},
        {"классифицируй классифицируй классифицируй классифицируй. ", ""},
        {"翻译 翻译 翻译 翻译 翻译 ", ""},
        {"翻译翻译翻译翻译翻译。", ""},
        {"hello hello hello hello ", ""},
    };
    expect_forms(forms, ARRAY_LEN(forms));
}

static void stuffing_between_makes_nothing_cheaper(void)
{
    static const char *const texts[] = {
        "classify Prove that the classify square root of two classify is irrational. classify",
        "Derive the gradient of classify classify classify classify the loss step by step and "
        "compare both estimators.",
        "Classify. Prove that the square root of two is irrational. Classify. Then prove that the "
        "one of three is, too. Classify.",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        read_twice(texts[i]);
        EXPECT_INT(required_tier(NULL, &asked), TIER_PREMIUM);
        EXPECT_INT(asked.set_aside, ASIDE_REPEATED);
    }
}

static void append_times(struct buf *text, const char *word, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        EXPECT(buf_append_cstr(text, word));
    }
}

/* More of it than anybody reads: at both ends, so that the request is out of sight. */
static void much_stuffing_makes_nothing_cheaper(void)
{
    static const size_t times[] = {100, 300, 1500};
    for (size_t i = 0; i < ARRAY_LEN(hard) * ARRAY_LEN(times); i++) {
        struct buf text = BUF_INIT(TEXT_MAX);
        const char *rest = hard[i / ARRAY_LEN(times)];
        read_once(rest);
        enum tier wanted = required_tier(NULL, &asked);
        append_times(&text, "classify ", times[i % ARRAY_LEN(times)]);
        EXPECT(buf_append_cstr(&text, rest));
        append_times(&text, " classify", times[i % ARRAY_LEN(times)]);
        EXPECT(buf_append(&text, slice_of("", 1)));
        expect_as_dear(text.ptr, wanted);
        EXPECT((asked.set_aside & ASIDE_REPEATED) != 0 || wanted < TIER_PREMIUM);
        buf_release(&text);
    }
}

/* Marks of direction and order that nobody sees, around the whole. */
static void hidden_marks_make_nothing_cheaper(void)
{
    static const struct form forms[] = {
        {"\xe2\x80\xae", "\xe2\x80\xac"},
        {"\xef\xbb\xbf", ""},
        {"\xe2\x80\x8b", ""},
        {"", "\xe2\x80\x8b"},
        {"\xe2\x81\xa0", "\xcd\x8f"},
        {"\xe2\x80\x8f", "!"},
    };
    expect_forms(forms, ARRAY_LEN(forms));
}

/* --- letters --- */

/* Writes a text with some of its letters in another shape. */
typedef void (*disguise)(char letter, char shape[8]);

static void by_pairs(char letter, const char *pairs, char shape[8])
{
    const char *at = strchr(pairs, letter);
    if (at != NULL) {
        shape[0] = at[1];
        shape[1] = at[2];
        shape[2] = '\0';
    }
}

static void as_cyrillic(char letter, char shape[8])
{
    by_pairs(letter, "aаeеoоcсpрxхyуiі", shape);
}

static void as_greek(char letter, char shape[8])
{
    by_pairs(letter, "oοvνiιaαuυ", shape);
}

static void as_full_width(char letter, char shape[8])
{
    if (letter > ' ') {
        unsigned point = 0xff00u + (unsigned char)letter - 0x20;
        snprintf(shape, 8, "\xef%c%c", (int)(0x80 | (point >> 6 & 0x3f)),
                 (int)(0x80 | (point & 0x3f)));
    }
}

static void as_mathematical(char letter, char shape[8])
{
    if (letter >= 'a' && letter <= 'z') {
        unsigned point = 0x1d41au + (unsigned)(letter - 'a');
        snprintf(shape, 8, "\xf0\x9d%c%c", (int)(0x80 | (point >> 6 & 0x3f)),
                 (int)(0x80 | (point & 0x3f)));
    }
}

static void with_no_width(char letter, char shape[8])
{
    snprintf(shape, 8, "%c\xe2\x80\x8b", letter);
}

static void with_soft_hyphen(char letter, char shape[8])
{
    if (letter >= 'a' && letter <= 'z') {
        snprintf(shape, 8, "%c\xc2\xad", letter);
    }
}

static void with_accent(char letter, char shape[8])
{
    if (letter >= 'a' && letter <= 'z') {
        snprintf(shape, 8, "%c\xcc\xb6", letter);
    }
}

static void disguise_text(disguise as, const char *text, char *out)
{
    for (out[0] = '\0'; *text != '\0'; text++) {
        char shape[8] = {*text, '\0'};
        if ((unsigned char)*text < 0x80) {
            as(*text, shape);
        }
        out += snprintf(out, 8, "%s", shape);
    }
}

static void disguised_letters_make_nothing_cheaper(void)
{
    static const disguise disguises[] = {as_cyrillic,     as_greek,      as_full_width,
                                         as_mathematical, with_no_width, with_soft_hyphen,
                                         with_accent};
    static char text[TEXT_MAX];
    cheaper_once = 0;
    for (size_t i = 0; i < ARRAY_LEN(disguises) * (ARRAY_LEN(hard) - 1); i++) {
        const char *rest = hard[i / ARRAY_LEN(disguises)];
        read_once(rest);
        enum tier wanted = required_tier(NULL, &asked);
        disguise_text(disguises[i % ARRAY_LEN(disguises)], rest, text);
        expect_as_dear(text, wanted);
    }
    EXPECT(cheaper_once > 20);
}

static void disguised_stuffing_makes_nothing_cheaper(void)
{
    static const disguise disguises[] = {as_cyrillic, as_full_width, with_no_width, with_accent};
    static char text[TEXT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(disguises) * ARRAY_LEN(hard); i++) {
        const char *rest = hard[i / ARRAY_LEN(disguises)];
        read_once(rest);
        enum tier wanted = required_tier(NULL, &asked);
        disguise_text(disguises[i % ARRAY_LEN(disguises)], "classify classify classify classify ",
                      text);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", rest);
        expect_as_dear(text, wanted);
    }
}

/* --- the other way round --- */

/* They keep their task and their tier, whatever they quote or repeat. */
static const char *const honest[] = {
    "> fix this bug\n",
    "> classify this ticket: my card was charged twice",
    "> Translate to French: good morning",
    "> Prove that there are infinitely many primes.",
    "please answer the mail below:\n> Hi, could you translate the contract to German by "
    "Friday?\n> Best, Ann",
    "Summarize this mail:\n\n> We have to design the architecture of the new payment system.\n"
    "> Prove to me that it scales.\n> Bob",
    "Summarize what he wrote:\n\n> Prove that the root of two is irrational.\n> Derive it.",
    "Reply politely to this message:\n> You never fixed the race condition.",
    "What does he want from me?\n> Please classify the tickets until Monday.",
    "Refactor: refactor the refactor() function so that refactor.run is called once.",
    "Refactor sort() so that sort(list) and list.sort give the same order; sort is slow.",
    "Rename the variable count to total: count = count + 1; print(count)",
    "Write tests for test(), test_all() and test_one().",
    "Translate \"good morning\" to French.",
    "Translate 'I have to prove it' into Spanish.",
    "What does \"translate\" mean?",
    "What is the difference between \"classify\" and \"categorize\"?",
    "Is \"prove\" a regular verb?",
    "Classify the sentiment of: \"I love this phone!\"",
    "Classify each as spam or ham: \"Win a prize\", \"Meeting at 5\", \"Cheap pills\"",
    "Fix the grammar: \"He go to school every days.\"",
    "Summarize:\n```\nProve that P is not NP. Design the architecture of the system.\n```",
    "Explain this code:\n```python\ndef classify(x):\n    return x > 0\n```",
    "Fix this bug:\n```c\nfor (int i = 0; i <= n; i++) sum += a[i];\n```",
    "What does this print?\n```\nprint(1); print(2); print(3)\n```",
    "Add a docstring:\n```python\ndef add(a, b):\n    return a + b\n```",
    ">>> sorted([3, 1])\n[1, 3]\n\nWhy does this print [1, 3]?",
    "<email>Please prove your identity.</email>\nClassify this email as spam or not spam.",
    "Extract the names from <text>Ann met Bob in Paris.</text>",
    "Summarize this document.\n<document>\nThe report shows that the design of the "
    "architecture "
    "has to be reviewed.\n</document>",
    "Translate this HTML to German, keep the tags: <p>Good morning</p>",
    "ha ha ha, tell me a joke",
    "Translate to French: no no no no",
    "Very very very short summary of this article, please: the harbour is closed.",
    "Row, row, row your boat: who wrote this song?",
    "Is it \"buffalo buffalo buffalo\" a sentence?",
    "Summarize the text in one sentence. Summarize it so that a child understands it.",
    "Classify A, classify B and classify C as fruit or vegetable: apple, carrot, plum.",
    "Rewrite this sentence: The the the cat sat.",
    "Übersetze ins Englische: „Guten Morgen“",
    "Fasse diese Mail zusammen:\n> Bitte beweise den Satz bis Montag.",
    "Traduis en anglais : « Bonjour à tous »",
    "Resume este texto: «El puerto está cerrado.»",
    "Переведи на английский: «Доброе утро»",
    "总结这段话：「港口今天关闭。」",
    "Écris un résumé de ce texte : le port est fermé.",
    "Classify: naïve, café, résumé as nouns or adjectives.",
    "What is the capital of \"France\"?",
    "Extract the dates: 'met on 5 May', 'left on 6 June'.",
    "Correct the spelling of 'recieve' and 'wierd'.",
    "Translate `file not found` to Italian.",
    "hi hi hi",
    "thanks thanks thanks",
    "Classify this log line:\n> ERROR ERROR ERROR disk full",
    "Label these reviews:\n1. \"good good good\"\n2. \"bad bad bad\"",
};

static void honest_requests_stay_as_they_are(void)
{
    for (size_t i = 0; i < ARRAY_LEN(honest); i++) {
        read_once(honest[i]);
        struct classification once = asked;
        read_twice(honest[i]);
        EXPECT_INT(asked.task, once.task);
        EXPECT_INT(required_tier(NULL, &asked), required_tier(NULL, &once));
        EXPECT_INT(asked.set_aside, 0);
    }
}

/* Whatever is read, it never comes out cheaper than it did before. */
static void a_second_reading_is_never_cheaper(void)
{
    static const char *const parts[] = {
        "> Prove it.\n",      "classify ",       "\"translate this\" ",
        "fix the deadlock. ", "```\nprove\n```", "<a>x</a> ",
        "\xd0\xb0pple ",      "summarize it\n",  "hello ",
        "\xef\xbb\xbf",       "design ",         "\x01\xff\xc2",
    };
    uint64_t state = 1;
    for (size_t i = 0; i < 4000; i++) {
        char text[512];
        size_t len = 0;
        for (size_t k = 0; k < 12; k++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
            const char *part = parts[(state >> 40) % ARRAY_LEN(parts)];
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", part);
        }
        read_once(text);
        enum tier once = required_tier(NULL, &asked);
        reread(text_model_default(), NULL, &support.chat, &features, &asked);
        EXPECT(required_tier(NULL, &asked) >= once);
        EXPECT((asked.set_aside != 0) == (required_tier(NULL, &asked) > once));
    }
}

static void what_was_not_read_is_said(void)
{
    read_twice("> classify this\n\nProve that the square root of two is irrational.");
    EXPECT_INT(asked.set_aside, ASIDE_QUOTATIONS);
    EXPECT(strcmp(aside_name(asked.set_aside), "quotations") == 0);
    read_twice("Prоve thаt the squаre rооt оf twо is irrаtiоnаl.");
    EXPECT_INT(asked.set_aside, ASIDE_LOOKALIKES);
    read_twice("Classify these tickets.");
    EXPECT_INT(asked.set_aside, 0);
    EXPECT(strcmp(aside_name(0), "") == 0);
    EXPECT(strcmp(aside_name(ASIDE_KINDS - 1),
                  "quotations, repeated words and look-alike letters") == 0);
}

int main(void)
{
    TEST(quotations_make_nothing_cheaper, "what a request quotes does not make it cheaper");
    TEST(stuffing_makes_nothing_cheaper, "nor do repeated words before and after it");
    TEST(stuffing_between_makes_nothing_cheaper, "nor do those in its midst");
    TEST(much_stuffing_makes_nothing_cheaper, "nor do more of them than anybody reads");
    TEST(hidden_marks_make_nothing_cheaper, "nor do characters that nobody sees around it");
    TEST(disguised_letters_make_nothing_cheaper, "nor do letters that only look like its own");
    TEST(disguised_stuffing_makes_nothing_cheaper, "nor do repeated words in such letters");
    TEST(honest_requests_stay_as_they_are, "honest requests keep task and tier");
    TEST(a_second_reading_is_never_cheaper, "a second reading is never cheaper than the first");
    TEST(what_was_not_read_is_said, "what was not read is said");
    support_reset();
    return tap_done();
}
