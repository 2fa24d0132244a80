/* SPDX-License-Identifier: Apache-2.0 */
/* Words are judged many at once, by two forms of code, and those of system prompts are remembered:
 * none of it may show in what is found. */
#include "base/random.h"
#include "route/classify.h"
#include "route/memo.h"
#include "tests/tap.h"
#include "tests/unit/route/support.h"

#include <pthread.h>

#define TEXT_MAX 3600
#define PROMPTS 40

static struct random dice;

static const char *word_at_random(char word[20])
{
    static const char *const often[] = {"please", "not",    "don't",  "no",   "need",     "to",
                                        "is",     "or",     "python", "zeta", "without",  "can",
                                        "the",    "foobar", "you",    "py",   "summarize"};
    const struct vocabulary *v = vocabulary_get();
    if (random_below(&dice, 3) == 0) {
        return often[random_below(&dice, ARRAY_LEN(often))];
    }
    const struct known_word *known = &v->words[1 + random_below(&dice, v->word_count - 1u)];
    memset(word, 0, 20);
    memcpy(word, &known->low, 8);
    memcpy(word + 8, &known->high, 8);
    return word;
}

/* Words that the rules know, and what stands between words. */
static void text_at_random(char *text, size_t words)
{
    static const char *const gaps[] = {
        " ",  " ",   " ",       " ",      " ",   ", ",       ". ",  "? ",   "\n",
        ": ", " \"", "\"",      "\n    ", "; ",  "\n\n",     ".",   " '",   "'",
        " (", "_",   "\n```\n", ");\n",   "{\n", "\xc3\xa9", "\\n", "\\\\n"};
    uint64_t kinds = 1 + random_below(&dice, ARRAY_LEN(gaps));
    bool lines = random_below(&dice, 8) == 0; /* each word begins a sentence */
    size_t used = 0;
    char word[20];
    for (size_t i = 0; i < words && used < TEXT_MAX - 64; i++) {
        bool upper = random_below(&dice, 8) == 0;
        const char *next = word_at_random(word);
        size_t len = strlen(next);
        memcpy(text + used, next, len);
        text[used] =
            (char)(upper && text[used] >= 'a' && text[used] <= 'z' ? text[used] - 32 : text[used]);
        used += len;
        const char *gap = lines ? "\n" : gaps[random_below(&dice, kinds)];
        memcpy(text + used, gap, strlen(gap));
        used += strlen(gap);
    }
    text[used] = '\0';
}

static void expect_same(const struct features *a, const struct features *b)
{
    size_t hits = a->hits.count;
    EXPECT(memcmp(a, b, offsetof(struct features, hits)) == 0);
    EXPECT_INT(hits, b->hits.count);
    EXPECT_INT(a->sampled_bytes, b->sampled_bytes);
    EXPECT_INT(a->sample_len, b->sample_len);
    EXPECT(memcmp(a->hits.words, b->hits.words, hits * sizeof(a->hits.words[0])) == 0);
    EXPECT(memcmp(a->hits.indexes, b->hits.indexes, hits * sizeof(a->hits.indexes[0])) == 0);
    EXPECT(memcmp(a->hits.offsets, b->hits.offsets, hits * sizeof(a->hits.offsets[0])) == 0);
    EXPECT(memcmp(a->hits.places, b->hits.places, hits) == 0);
}

static void scan_with(const struct vocabulary *vocabulary, const char *text, struct features *f)
{
    struct text_scan scan;
    size_t len = strlen(text);
    memset(f, 0, sizeof(*f));
    memcpy(f->sample, text, len);
    f->user_len = f->sample_len = len;
    text_scan_init(&scan, f);
    scan.vocabulary = vocabulary;
    text_scan_region(&scan, 0, len / 2, 0);
    text_scan_region(&scan, len / 2, len, PLACE_EARLIER);
    text_scan_finish(&scan);
}

static void both_forms_judge_alike(void)
{
    static struct vocabulary narrow;
    static struct features a;
    static struct features b;
    char text[TEXT_MAX];
    narrow = *vocabulary_get();
    narrow.wide = false;
    random_seed(&dice, 11);
    size_t most = 0;
    for (int i = 0; i < 3000; i++) {
        text_at_random(text, 1 + random_below(&dice, 800));
        scan_with(vocabulary_get(), text, &a);
        scan_with(&narrow, text, &b);
        expect_same(&a, &b);
        most = a.hits.count > most ? a.hits.count : most;
    }
    EXPECT(most > HITS_ANYWHERE);
}

/* --- memory --- */

static struct features remembered;
static struct features fresh;

/* A new thread remembers nothing. */
static void *extract_fresh(void *unused)
{
    features_extract(&support.chat, &fresh);
    return unused;
}

static void expect_as_if_new(void)
{
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, extract_fresh, NULL) == 0);
    pthread_join(thread, NULL);
    features_extract(&support.chat, &remembered);
    expect_same(&remembered, &fresh);
    EXPECT(fresh.found.end == fresh.found.first);
    struct classification a;
    struct classification b;
    classify(&remembered, &a);
    classify(&fresh, &b);
    EXPECT_INT(a.task, b.task);
    EXPECT(strcmp(a.reason, b.reason) == 0);
    EXPECT(a.confidence == b.confidence && a.complexity == b.complexity);
}

static void chat_set(const char *system, const char *user)
{
    support_reset();
    support_add(ROLE_SYSTEM, system);
    support_add(ROLE_USER, user);
}

/* What is remembered is not even sampled, or, where a turn leans on one before it, sampled and not
   read, so that its capitals stay. */
static bool is_remembered(void)
{
    memset(remembered.sample, '#', sizeof(remembered.sample));
    features_extract(&support.chat, &remembered);
    const char *system = remembered.sample + remembered.user_len;
    size_t len = remembered.sample_len - remembered.user_len;
    return memchr(system, '#', len) != NULL || memchr(system, 'X', len) != NULL;
}

static const char prompt[] =
    "You Xare a helpful assistant for a support desk. Classify each message as question, complaint "
    "or praise, do not invent facts, then summarize them in python or c. \"Never\" promise a date: "
    "today, tomorrow, later.";

static void a_prompt_is_remembered_when_it_is_seen_again(void)
{
    chat_set(prompt, "What is the capital of Australia?");
    EXPECT(!is_remembered());
    EXPECT(!is_remembered());
    EXPECT(is_remembered());
    expect_as_if_new();
    chat_set(prompt, "Translate this sentence, or explain it: a, b, c, d.");
    EXPECT(is_remembered());
    EXPECT(memchr(remembered.sample, '#', remembered.sample_len) != NULL);
    expect_as_if_new();
}

/* "does not": the turn before a very short one begins where the system prompt ends. */
static void words_look_back_at_a_remembered_prompt(void)
{
    static const char ends_in_verb[] = "You Xare a helpful assistant for a support desk. Tell each "
                                       "customer in plain words what it does";
    support_reset();
    support_add(ROLE_SYSTEM, ends_in_verb);
    support_add(ROLE_USER, "not summarize the whole text");
    support_add(ROLE_ASSISTANT, "a");
    support_add(ROLE_USER, "go on");
    expect_as_if_new();
    expect_as_if_new();
    EXPECT(is_remembered());
    expect_as_if_new();
}

static void what_depends_on_the_text_before_is_not_remembered(void)
{
    static const char odd[] = "Not summarize, Xtranslate the text that follows into French, and be "
                              "brief about it; nobody reads long answers.";
    chat_set(odd, "Tell me what this is");
    for (int i = 0; i < 4; i++) {
        EXPECT(!is_remembered());
    }
    expect_as_if_new();
    chat_set(odd, "Tell me");
    expect_as_if_new();
}

static void a_prompt_of_too_many_phrases_is_scored_each_time(void)
{
    static const char line[] = "\nFix zeta"; /* two phrases, where a line begins with it */
    char crowded[1 + 40 * sizeof(line)] = "X";
    for (size_t i = 0; i < 40; i++) {
        memcpy(crowded + 1 + i * (sizeof(line) - 1), line, sizeof(line));
    }
    chat_set(prompt, "What is the capital of Australia?");
    expect_as_if_new();
    expect_as_if_new();
    EXPECT(is_remembered());
    EXPECT(remembered.found.end > remembered.found.first && remembered.found.count > 0);
    chat_set(crowded, "What is the capital of Australia?");
    expect_as_if_new();
    expect_as_if_new();
    EXPECT(is_remembered());
    EXPECT_INT(remembered.found.end, remembered.found.first);
    expect_as_if_new();
}

/* More prompts than are kept, in any order, beside user turns of any length. */
static void memory_never_shows(void)
{
    static char prompts[PROMPTS][TEXT_MAX];
    char user[TEXT_MAX];
    random_seed(&dice, 12);
    for (size_t i = 0; i < PROMPTS; i++) {
        text_at_random(prompts[i], 12 + random_below(&dice, 80));
    }
    for (int i = 0; i < 1500; i++) {
        text_at_random(user, random_below(&dice, i % 4 == 0 ? 300 : 20));
        chat_set(prompts[random_below(&dice, i % 2 == 0 ? 6 : PROMPTS)], user);
        expect_as_if_new();
    }
}

/* --- bits --- */

static void quotes_close_where_lines_end(void)
{
    random_seed(&dice, 13);
    for (int i = 0; i < 20000; i++) {
        uint64_t marks = random_next(&dice) & random_next(&dice) & random_next(&dice);
        uint64_t newlines = random_next(&dice) & random_next(&dice) & random_next(&dice) & ~marks;
        bool open = i % 2 == 0;
        uint64_t found = quotes_open(marks, newlines, open);
        for (unsigned bit = 0; bit < 64; bit++) {
            EXPECT_INT(found >> bit & 1u, open);
            open ^= (marks >> bit & 1u) != 0;
            open = open && (newlines >> bit & 1u) == 0;
        }
    }
}

static void plain_text_is_copied_up_to_what_is_not(void)
{
    char from[400];
    char to[400];
    random_seed(&dice, 14);
    for (int i = 0; i < 20000; i++) {
        size_t len = random_below(&dice, sizeof(from));
        memset(from, i % 3 == 0 ? 0xc3 : 'a', sizeof(from));
        memset(to, 0, sizeof(to));
        size_t stop = random_below(&dice, sizeof(from));
        from[stop] = (char)(i % 2 == 0 ? '\\' : 0xe2);
        bool wide = i % 5 != 0 && vocabulary_get()->wide;
        size_t wanted = len < SCAN_BLOCK ? 0 : stop < len ? stop : len;
        EXPECT_INT(plain_copy(to, from, len, wide), wanted);
        EXPECT(memcmp(to, from, wanted) == 0);
        EXPECT(len == sizeof(to) || to[len] == 0);
    }
}

int main(void)
{
    TEST(both_forms_judge_alike, "words are judged alike with wide vectors and without");
    TEST(a_prompt_is_remembered_when_it_is_seen_again,
         "a system prompt is remembered when it is seen again");
    TEST(words_look_back_at_a_remembered_prompt,
         "the words behind a remembered system prompt look back at it");
    TEST(what_depends_on_the_text_before_is_not_remembered,
         "what depends on the text before is not remembered");
    TEST(a_prompt_of_too_many_phrases_is_scored_each_time,
         "the phrases of a system prompt are remembered unless they are too many");
    TEST(memory_never_shows, "features and verdicts are the same, remembered or not");
    TEST(quotes_close_where_lines_end, "quotes open and close, a line's end closes them");
    TEST(plain_text_is_copied_up_to_what_is_not,
         "plain text is copied up to an escape or typographic punctuation");
    return tap_done();
}
