/* SPDX-License-Identifier: Apache-2.0 */
#include "route/features.h"

#include "base/random.h"
#include "route/vocabulary.h"
#include "tests/tap.h"
#include "tests/unit/route/support.h"

static struct features f;

static bool sample_has(const char *text)
{
    return slice_find_slice(slice_of(f.sample, f.sample_len), slice_from_cstr(text)) != SIZE_MAX;
}

static void counts_what_a_text_has(void)
{
    support_features(
        "How many apples? You must buy 3 and 14.\n- one\n- two\n\nOnly red ones, at most 5!", &f);
    EXPECT_INT(f.questions, 1);
    EXPECT_INT(f.sentences, 3);
    EXPECT_INT(f.digits, 4);
    EXPECT_INT(f.numbers, 3);
    EXPECT_INT(f.list_items, 2);
    EXPECT_INT(f.lines, 4);
    EXPECT_INT(f.blank_lines, 1);
    EXPECT_INT(f.words, 17);
    EXPECT_INT(f.constraints, 3);
    EXPECT_INT(f.turns, 1);
    EXPECT_INT(f.user_turns, 1);
    EXPECT_INT(f.language, LANGUAGE_ENGLISH);
}

static void finds_code(void)
{
    support_features("Fix it:\n```c\nint main(void)\n{\n    return 0;\n}\n```\nThanks, bye", &f);
    EXPECT_INT(f.code_fences, 2);
    EXPECT_INT(f.code_marks, 4);
    EXPECT(!f.ends_in_code && !f.starts_in_code);
    support_features("def add(a, b):\n    return a + b\n", &f);
    EXPECT_INT(f.code_fences, 0);
    EXPECT_INT(f.code_marks, 2);
    EXPECT(f.starts_in_code && f.ends_in_code);
    support_features("I went home; it was late (very late), and then: nothing.", &f);
    EXPECT_INT(f.code_marks, 0);
}

static void the_last_user_turn_is_what_is_sampled(void)
{
    support_reset();
    support_add(ROLE_SYSTEM, "You are a PIRATE.");
    support_add(ROLE_USER,
                "The first question was about whales and about what they eat in winter.");
    support_add(ROLE_ASSISTANT, "Krill.");
    support_add(ROLE_USER, "And now something entirely different: what do Larches lose in autumn?");
    features_extract(&support.chat, &f);
    EXPECT(sample_has("larches lose"));
    EXPECT(sample_has("pirate"));
    EXPECT(!sample_has("whales"));
    EXPECT(!sample_has("krill"));
    EXPECT_INT(f.turns, 4);
    EXPECT_INT(f.user_turns, 2);
    EXPECT_INT(f.user_turn, 3);
}

static void a_very_short_turn_leans_on_the_one_before(void)
{
    support_reset();
    support_add(ROLE_USER, "Translate this letter into French please.");
    support_add(ROLE_ASSISTANT, "Which letter?");
    support_add(ROLE_USER, "this one");
    features_extract(&support.chat, &f);
    EXPECT(sample_has("translate this letter"));
    EXPECT_INT(f.user_len, 8);
    EXPECT((f.hits.places[f.hits.count - 1] & PLACE_EARLIER) != 0);
}

static void several_parts_are_one_turn(void)
{
    struct chat_part parts[3] = {{.kind = PART_TEXT, .text = SLICE("first part")},
                                 {.kind = PART_IMAGE, .url = SLICE("https://example.org/x.png")},
                                 {.kind = PART_TEXT, .text = SLICE("second part")}};
    struct chat_message message = {.role = ROLE_USER, .parts = parts, .part_count = 3};
    struct chat chat = {.messages = &message, .message_count = 1, .needs = CAPABILITY_VISION};
    features_extract(&chat, &f);
    EXPECT(sample_has("first part\nsecond part"));
    EXPECT_INT(f.images, 1);
    EXPECT_INT(f.needs, CAPABILITY_VISION);
    EXPECT_INT(f.choices, 1);
    EXPECT_INT(f.user_bytes, 21);
}

static void escapes_are_undone_in_the_sample(void)
{
    struct chat_part part = {.kind = PART_TEXT,
                             .text = SLICE("A\\tB\\nC \\u00e9\\u4e2d \\\"q\\\"")};
    struct chat_message message = {.role = ROLE_USER, .parts = &part, .part_count = 1};
    struct chat chat = {.messages = &message, .message_count = 1};
    features_extract(&chat, &f);
    EXPECT_SLICE(slice_of(f.sample, f.user_len), "a\tb\nc \xc3\xa9\xe4\xb8\xad \"q\"");
}

static void typographic_marks_become_plain(void)
{
    support_features("\xe2\x80\x9cIt\xe2\x80\x99s\xe2\x80\x9d \xe2\x80\x94 done\xe2\x80\xa6", &f);
    EXPECT_SLICE(slice_of(f.sample, f.user_len), "\"it's\" - done.");
    support_features("a\xe2\x80\xa6z \xe2\x82\xac\xe2\x80\x93 5 \xe2\x80", &f);
    EXPECT_SLICE(slice_of(f.sample, f.user_len), "a.z \xe2\x82\xac- 5 \xe2\x80");
}

static void a_long_text_gives_head_and_tail(void)
{
    static char text[120001];
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        text[i] = (char)(i % 7 == 6 ? ' ' : 'b');
    }
    memcpy(text, "Begin here ", 11);
    memcpy(text + 60000, " middle ", 8);
    memcpy(text + sizeof(text) - 10, " end here", 9);
    support_features(text, &f);
    EXPECT(sample_has("begin here"));
    EXPECT(sample_has("end here"));
    EXPECT(!sample_has("middle"));
    EXPECT(f.sample_len <= FEATURES_TEXT_MAX);
    EXPECT_INT(f.user_bytes, sizeof(text) - 1);
}

/* Whatever is cut through in the middle (escapes, characters), the sample stays text and nothing is
 * read beyond it. */
static void any_cut_is_survived(void)
{
    static const char *const pieces[] = {
        "\\n",          "\\u00e9", "\\ud83d\\ude00", "x",      " ",
        "\\\\",         "\\\"",    "\xe4\xb8\xad",   "word's", "```",
        "\xe2\x80\x99", ";",       "def f(a):\\n",   "\\t",    "."};
    static char inner[40000];
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < 300; round++) {
        size_t len = 0;
        size_t wanted = random_below(&random, sizeof(inner) - 64);
        while (len < wanted) {
            const char *piece = pieces[random_below(&random, ARRAY_LEN(pieces))];
            memcpy(inner + len, piece, strlen(piece));
            len += strlen(piece);
        }
        struct chat_part part = {.kind = PART_TEXT, .text = slice_of(inner, len)};
        struct chat_message message = {.role = ROLE_USER, .parts = &part, .part_count = 1};
        struct chat chat = {.messages = &message, .message_count = 1};
        features_extract(&chat, &f);
        EXPECT(f.sample_len <= FEATURES_TEXT_MAX);
        EXPECT(f.hits.count <= FEATURES_HITS_MAX);
        EXPECT(f.tokens.low <= f.tokens.expected && f.tokens.expected <= f.tokens.high);
    }
}

static void hits_know_their_place(void)
{
    support_features("Please summarize it. Do not translate \"classify this\".", &f);
    bool start = false;
    bool negated = false;
    bool quoted = false;
    const struct vocabulary *v = vocabulary_get();
    for (size_t i = 0; i < f.hits.count; i++) {
        const char *word = (const char *)&vocabulary_word(v, f.hits.words[i])->low;
        start =
            start || (memcmp(word, "summariz", 8) == 0 && (f.hits.places[i] & PLACE_START) != 0);
        negated = negated ||
                  (memcmp(word, "translat", 8) == 0 && (f.hits.places[i] & PLACE_NEGATED) != 0);
        quoted =
            quoted || (memcmp(word, "classify", 8) == 0 && (f.hits.places[i] & PLACE_QUOTED) != 0);
    }
    EXPECT(start && negated && quoted);
}

static void words_are_whole_words(void)
{
    support_features("The archetype shows a preclassified subsummarized showroom", &f);
    for (size_t i = 0; i < f.hits.count; i++) {
        const char *word = (const char *)&vocabulary_word(vocabulary_get(), f.hits.words[i])->low;
        printf("# unexpected word %.16s\n", word);
    }
    EXPECT_INT(f.hits.count, 0);
}

static size_t hits_of(const char *word)
{
    size_t count = 0;
    for (size_t i = 0; i < f.hits.count; i++) {
        count += strncmp(f.sample + f.hits.offsets[i], word, strlen(word)) == 0;
    }
    return count;
}

/* Blocks of the scan end anywhere in a text: what stands there is neither lost nor seen twice. */
static void nothing_is_cut_where_a_block_ends(void)
{
    char text[200];
    for (size_t offset = 0; offset < 150; offset++) {
        memset(text, 'b', offset);
        for (size_t i = 3; i < offset; i += 4) {
            text[i] = ' ';
        }
        (void)snprintf(text + offset, sizeof(text) - offset, "%s",
                       ", summarize 48213 + fooBar, don't");
        support_features(text, &f);
        EXPECT_INT(hits_of("summarize"), 1);
        EXPECT_INT(hits_of("don't"), 1);
        EXPECT_INT(f.numbers, 1);
        EXPECT_INT(f.digits, 5);
        EXPECT_INT(f.code_words, 1);
        EXPECT_INT(f.words, (offset + 3) / 4 + 4);
        for (size_t i = 0; i < f.hits.count; i++) {
            bool clause = f.hits.offsets[i] >= offset && f.sample[f.hits.offsets[i] - 2] == ',';
            EXPECT(!clause || (f.hits.places[i] & PLACE_CLAUSE) != 0);
        }
    }
}

static void words_without_end_are_survived(void)
{
    static char text[5000];
    for (size_t len = 50; len < sizeof(text); len += 61) {
        memset(text, 'x', len);
        memcpy(text + len - 10, " summarize", 10);
        text[len] = 0;
        support_features(text, &f);
        EXPECT_INT(hits_of("summarize"), 1);
        EXPECT(f.tokens.low <= f.tokens.expected && f.tokens.expected <= f.tokens.high);
    }
}

static void a_system_prompt_is_read_at_its_end_and_where_sentences_begin(void)
{
    static const char lamp[] = "The lamp stands there. ";
    static const char order[] = "The lamp stands there and summarize is no order. ";
    char prompt[500];
    size_t len = 0;
    while (len < 200) {
        len += (size_t)snprintf(prompt + len, sizeof(prompt) - len, "%s", lamp);
    }
    len += (size_t)snprintf(prompt + len, sizeof(prompt) - len, "Translate it. ");
    while (len < 400) {
        len += (size_t)snprintf(prompt + len, sizeof(prompt) - len, "%s", order);
    }
    support_reset();
    support_add(ROLE_SYSTEM, prompt);
    support_add(ROLE_USER, "A lamp that has a long name and stands in a very large hall.");
    features_extract(&support.chat, &f);
    EXPECT_INT(hits_of("translate"), 1);
    EXPECT(hits_of("summarize") >= 2);
    EXPECT(hits_of("summarize") < 5);
}

static void languages_are_told_apart(void)
{
    support_features("\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xd0\xba\xd0\xb0\xd0\xba",
                     &f);
    EXPECT_INT(f.language, LANGUAGE_CYRILLIC);
    support_features("\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c", &f);
    EXPECT_INT(f.language, LANGUAGE_CJK);
    support_features("Guten Tag, sch\xc3\xb6nes Wetter", &f);
    EXPECT_INT(f.language, LANGUAGE_OTHER_LATIN);
    support_features("12345", &f);
    EXPECT_INT(f.language, LANGUAGE_UNKNOWN);
}

/* Bytes are looked at many at once: wherever the letter stands, and not behind the user's turn. */
static void a_script_is_seen_anywhere_in_the_turn(void)
{
    char text[96];
    for (size_t before = 0; before < 80; before++) {
        memset(text, '1', before);
        memcpy(text + before, "\xd0\xbf", 3);
        support_features(text, &f);
        EXPECT_INT(f.language, LANGUAGE_CYRILLIC);
        memcpy(text + before, "\xe7\x95\x8c", 4);
        support_features(text, &f);
        EXPECT_INT(f.language, LANGUAGE_CJK);
        memcpy(text + before, "\xc8\xb7", 3);
        support_reset();
        support_add(ROLE_SYSTEM, "\xe7\x95\x8c\xd0\xbf\xd0\xbf");
        support_add(ROLE_USER, text);
        features_extract(&support.chat, &f);
        EXPECT_INT(f.language, LANGUAGE_OTHER);
    }
}

static void conversation_facts_are_copied(void)
{
    struct chat_tool tools[2] = {{.name = SLICE("a"), .raw = SLICE("{}")}, {.name = SLICE("b")}};
    support_reset();
    support_add(ROLE_USER, "hi");
    support_add(ROLE_TOOL, "result");
    support.parts[1].kind = PART_TOOL_RESULT;
    support.chat.tools = tools;
    support.chat.tool_count = 2;
    support.chat.choices = 4;
    support.chat.format = FORMAT_JSON_SCHEMA;
    support.chat.suffix = SLICE("");
    support.chat.operation = OPERATION_COMPLETION;
    features_extract(&support.chat, &f);
    EXPECT_INT(f.tools, 2);
    EXPECT_INT(f.tool_results, 1);
    EXPECT_INT(f.choices, 4);
    EXPECT(f.json_wanted && f.in_tool_loop && f.completion && f.suffix);
}

static void an_empty_chat_has_features_too(void)
{
    support_reset();
    features_extract(&support.chat, &f);
    EXPECT_INT(f.sample_len, 0);
    EXPECT_INT(f.turns, 0);
    EXPECT(f.tokens.high > 0);
    support_reset();
    support_add(ROLE_SYSTEM, "Only a system prompt.");
    features_extract(&support.chat, &f);
    EXPECT(sample_has("only a system prompt"));
    support_features("", &f);
    EXPECT_INT(f.words, 0);
}

int main(void)
{
    TEST(counts_what_a_text_has, "questions, numbers, lists, lines and constraints are counted");
    TEST(finds_code, "lines of code are told from prose");
    TEST(the_last_user_turn_is_what_is_sampled,
         "the last user turn and the system's head are read");
    TEST(a_very_short_turn_leans_on_the_one_before, "a very short turn leans on the one before");
    TEST(several_parts_are_one_turn, "several parts are one turn");
    TEST(escapes_are_undone_in_the_sample, "escapes are undone in the sample");
    TEST(typographic_marks_become_plain, "typographic marks become plain ones");
    TEST(a_long_text_gives_head_and_tail, "a long text gives its head and its tail");
    TEST(any_cut_is_survived, "any cut through an escape or a character is survived");
    TEST(hits_know_their_place, "words know their place: start, negation, quotes");
    TEST(words_are_whole_words, "words are whole words");
    TEST(nothing_is_cut_where_a_block_ends, "nothing is cut where a block of the scan ends");
    TEST(words_without_end_are_survived, "words without end are survived");
    TEST(a_system_prompt_is_read_at_its_end_and_where_sentences_begin,
         "a system prompt is read at its end and where sentences begin");
    TEST(languages_are_told_apart, "scripts and languages are told apart");
    TEST(a_script_is_seen_anywhere_in_the_turn, "a script is seen anywhere in the turn");
    TEST(conversation_facts_are_copied, "tools, choices, format and operation are noted");
    TEST(an_empty_chat_has_features_too, "an empty chat has features too");
    support_reset();
    return tap_done();
}
