/* SPDX-License-Identifier: Apache-2.0 */
#include "route/text_model.h"

#include "base/buf.h"
#include "base/random.h"
#include "route/lanes.h"
#include "route/vocabulary.h"

#include "tests/tap.h"
#include "tests/unit/route/support.h"

static struct features features;

static void ask(const char *text, struct text_opinion *opinion)
{
    struct glance glance;
    EXPECT(glance_text(slice_from_cstr(text), &features, &glance));
    text_model_ask(text_model_default(), &glance, opinion);
}

struct labelled {
    enum task task;
    const char *text;
};

static void expect_tasks(const struct labelled *prompts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct text_opinion opinion;
        ask(prompts[i].text, &opinion);
        if (opinion.best != prompts[i].task) {
            printf("# %s: taken for %s\n", prompts[i].text, task_name(opinion.best));
        }
        EXPECT_INT(opinion.best, prompts[i].task);
    }
}

static void the_default_is_sound(void)
{
    const struct text_model *model = text_model_default();
    EXPECT(memcmp(model->header.magic, "SLUICEM\n", 8) == 0);
    EXPECT_INT(model->header.version, TEXT_MODEL_VERSION);
    EXPECT_INT(model->header.rows, GLANCE_ROWS);
    EXPECT_INT(model->header.lanes, TEXT_LANES);
    EXPECT_INT(model->header.sum, text_model_sum(model));
    EXPECT(model->header.coverage > 0.5F && model->header.coverage <= 1);
    EXPECT(sizeof(*model) < 2000000);
    for (size_t row = 0; row < GLANCE_ROWS; row++) {
        EXPECT(model->table[row][LANE_NONE] == TEXT_ZERO);
    }
}

/* None of these is in the material. */
static void tells_tasks_in_many_languages(void)
{
    static const struct labelled prompts[] = {
        {TASK_TRANSLATION, "Wie sagt man auf Spanisch: Der Hund schläft"},
        {TASK_TRANSLATION, "Переведи на английский: Где мой ключ?"},
        {TASK_SUMMARIZATION, "请总结这篇报道：昨天市政府宣布修建新的图书馆。"},
        {TASK_SUMMARIZATION, "Résume en une phrase : Le conseil a voté le budget après un débat."},
        {TASK_GENERATION, "Escribe un poema sobre el mar"},
        {TASK_BRAINSTORMING, "10 ideas for a garden party"},
        {TASK_CHAT, "hallo, wie geht es dir?"},
        {TASK_QA_OPEN, "¿Quién inventó el teléfono?"},
        {TASK_CODE_TESTS, "Write unit tests for this function:\ndef half(x): return x / 2"},
    };
    expect_tasks(prompts, ARRAY_LEN(prompts));
}

static void the_order_may_stand_behind_the_text(void)
{
    static const char sentence[] =
        "The committee met on Monday and spoke about the roof of the hall. ";
    struct buf text = BUF_INIT(10000);
    struct glance glance;
    while (text.len < 5000) {
        buf_append_cstr(&text, sentence);
    }
    buf_append_cstr(&text, "\n\nSummarize the text above in two sentences.");
    struct text_opinion opinion;
    EXPECT(glance_text(buf_slice(&text), &features, &glance));
    text_model_ask(text_model_default(), &glance, &opinion);
    buf_release(&text);
    EXPECT_INT(opinion.best, TASK_SUMMARIZATION);
}

static void probabilities_are_such(void)
{
    static const char *const texts[] = {"",
                                        "?",
                                        "\xff\xfe",
                                        "a",
                                        "\xe4\xbd\xa0\xe5",
                                        "classify classify classify \"classify\" translate"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct text_opinion opinion;
        float sum = 0;
        ask(texts[i], &opinion);
        for (unsigned task = 0; task < TASK_COUNT; task++) {
            EXPECT(opinion.tasks[task] >= 0 && opinion.tasks[task] <= 1);
            sum += opinion.tasks[task];
        }
        EXPECT(sum > 0.99F && sum < 1.01F);
        for (unsigned tier = 0; tier < TIER_COUNT; tier++) {
            EXPECT(opinion.judged.success_permille[tier] > 0);
            EXPECT(opinion.judged.success_permille[tier] < 1000);
        }
    }
}

/* What nobody has outcomes of is left to the tier. */
static void strange_texts_are_left_to_the_task(void)
{
    static const char *const strange[] = {"xqzv blorp wug dax fep",
                                          "Write a poem about my grandmother's garden",
                                          "kaikki irti siitä mikä mahtuu"};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        struct text_opinion opinion;
        ask(strange[i], &opinion);
        EXPECT(opinion.judged.familiarity_permille < 250);
    }
}

static void hard_questions_need_more(void)
{
    struct text_opinion hard;
    struct text_opinion easy;
    ask("Find the order of the factor group (Z_11 x Z_15)/(<1, 1>)\nA. 1\nB. 2\nC. 5\nD. 11\n"
        "Answer:",
        &hard);
    ask("Which of the following is a primary color?\nA. Red\nB. Brown\nC. Pink\nD. Grey\nAnswer:",
        &easy);
    EXPECT(hard.judged.familiarity_permille > 500);
    EXPECT(hard.judged.success_permille[TIER_BUDGET] + 80 <
           easy.judged.success_permille[TIER_BUDGET]);
    EXPECT(hard.judged.success_permille[TIER_PREMIUM] > hard.judged.success_permille[TIER_BUDGET]);
}

static void rules_alone_when_there_is_no_model(void)
{
    struct classification with;
    struct classification without;
    struct classification rules;
    support_features("how do I put it in Japanese: good night", &features);
    classify_text(text_model_default(), &features, &with);
    classify_text(NULL, &features, &without);
    classify(&features, &rules);
    EXPECT_INT(without.task, rules.task);
    struct task_chance likely[TASK_CHANCES];
    classification_likely(&without, likely);
    EXPECT_INT(likely[0].permille, 0);
    EXPECT_INT(with.task, TASK_TRANSLATION);
    classification_likely(&with, likely);
    EXPECT_INT(likely[0].task, TASK_TRANSLATION);
    EXPECT(likely[0].permille >= likely[1].permille);
    EXPECT(likely[1].permille >= likely[2].permille);
    support_reset();
}

static void same_text_same_glance(void)
{
    struct glance one;
    struct glance two;
    struct rule_points points;
    struct classification c;
    const char *text = "Explain \"recursion\" \xe2\x80\x94 in two lines,\nplease. \xe4\xbd\xa0";
    EXPECT(glance_text(slice_from_cstr(text), &features, &one));
    support_features(text, &features);
    classify_points(&features, &c, &points);
    glance_make(&features, &points, &two);
    EXPECT_INT(one.count, two.count);
    EXPECT(one.words > 8 && one.words < one.count && one.count <= GLANCE_COUNT_MAX);
    EXPECT(memcmp(one.rows, two.rows, one.count * sizeof(one.rows[0])) == 0);
    support_reset();
}

/* --- with wide vectors and without --- */

static void make_text(struct random *random, struct buf *text)
{
    static const char *const pieces[] = {
        "summarize",
        "the",
        "a",
        "I",
        "don't",
        "'quoted'",
        "snake_case",
        "x",
        "42",
        "3.14",
        ",",
        "?",
        ".\n",
        "\n\n",
        "- ",
        "```\nint main() {}\n```",
        "translation",
        "extraordinarily",
        "sch\xc3\xb6n",
        "\xc3\xbc",
        "\xe4\xbd\xa0\xe5\xa5\xbd\xe3\x80\x82",
        "\xff",
        "_",
        "'",
        "''",
        "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
        "HOW",
        "Write",
        "def f(x):",
        "$x^2$",
    };
    size_t count = random_below(random, 120);
    buf_clear(text);
    for (size_t i = 0; i < count; i++) {
        buf_append_cstr(text, pieces[random_below(random, ARRAY_LEN(pieces))]);
        buf_append_cstr(text, random_below(random, 5) == 0 ? "" : " ");
    }
}

#ifdef __SSE2__
static void expect_alike(const struct glance *glance)
{
    const struct text_model *model = text_model_default();
    float narrow[TEXT_LANES];
    float wide[TEXT_LANES];
    float coverages[2];
    lanes_score_narrow(model, glance, narrow, &coverages[0]);
    lanes_score_wide(model, glance, wide, &coverages[1]);
    EXPECT(memcmp(narrow, wide, sizeof(wide)) == 0);
    EXPECT(memcmp(&coverages[0], &coverages[1], sizeof(float)) == 0);
    memcpy(narrow, wide, sizeof(wide));
    float tasks[2][TEXT_LANES];
    EXPECT_INT(lanes_soften_narrow(narrow, tasks[0]), lanes_soften_wide(wide, tasks[1]));
    EXPECT(memcmp(tasks[0], tasks[1], sizeof(tasks[0])) == 0);
}

static void both_forms_see_alike(void)
{
    struct random random;
    struct buf text = BUF_INIT(100000);
    random_seed(&random, 5);
    for (size_t i = 0; i < 4000 && vocabulary_get()->wide; i++) {
        struct glance glances[2];
        struct rule_points points;
        struct classification c;
        make_text(&random, &text);
        EXPECT(glance_text(buf_slice(&text), &features, &glances[0]));
        classify_points(&features, &c, &points);
        glance_make_narrow(&features, &points, &glances[1]);
        EXPECT_INT(glances[0].words, glances[1].words);
        EXPECT_INT(glances[0].count, glances[1].count);
        EXPECT(memcmp(glances[0].rows, glances[1].rows,
                      glances[0].count * sizeof(glances[0].rows[0])) == 0);
        expect_alike(&glances[0]);
    }
    buf_release(&text);
}
#endif

static void make_plain_text(struct random *random, struct buf *text)
{
    static const char *const pieces[] = {
        "summarize", "the", "a", "don't", "'quoted'", "''", "dogs'", "snake_case", "42", "3.14",
        ",", "?", ".\n", "- ", "\"", "a_word_of_more_than_thirty_one_bytes", "END",
        "a_word_that_is_longer_than_any_block_of_sixty_four_bytes_and_a_few_more"};
    size_t kinds = random_below(random, 3) == 0 ? ARRAY_LEN(pieces) : 4;
    buf_clear(text);
    for (size_t i = 30 + random_below(random, 300); i > 0; i--) {
        buf_append_cstr(text, pieces[random_below(random, kinds)]);
        buf_append_cstr(text, random_below(random, 9) == 0 ? "" : " ");
    }
}

/* Most glances take their words from the scan of the text; what they see must not depend on that.
 */
static void words_of_the_scan_are_those_of_the_ends(void)
{
    struct random random;
    struct buf text = BUF_INIT(100000);
    size_t listed = 0;
    random_seed(&random, 6);
    for (size_t i = 0; i < 4000; i++) {
        struct glance glances[2];
        struct rule_points points;
        struct classification c;
        make_plain_text(&random, &text);
        EXPECT(glance_text(buf_slice(&text), &features, &glances[0]));
        classify_points(&features, &c, &points);
        listed += features.looked_up.whole;
        features.looked_up.whole = false;
        glance_make(&features, &points, &glances[1]);
        EXPECT_INT(glances[0].words, glances[1].words);
        EXPECT(memcmp(glances[0].rows, glances[1].rows,
                      glances[0].count * sizeof(glances[0].rows[0])) == 0);
    }
    EXPECT(listed > 1000);
    buf_release(&text);
}

/* No text has more words than there are rows for. */
static void a_text_of_letters_is_read_whole(void)
{
    struct buf text = BUF_INIT(1000);
    struct glance glance;
    while (text.len < 256) {
        buf_append_cstr(&text, text.len % 4 == 0 ? "a " : "I ");
    }
    EXPECT(glance_text(buf_slice(&text), &features, &glance));
    EXPECT_INT(glance.words, 255); /* 128 words, 127 pairs */
    buf_release(&text);
}

static void equal_chances_keep_their_order(void)
{
    const struct classification c = {
        .by_model = true,
        .chances = {[3] = 0.2F, [9] = 0.2F, [15] = 0.2F, [20] = 0.1F, [26] = 0.3F}};
    struct task_chance likely[TASK_CHANCES];
    classification_likely(&c, likely);
    EXPECT_INT(likely[0].task, 26);
    EXPECT_INT(likely[1].task, 3);
    EXPECT_INT(likely[2].task, 9);
    EXPECT_INT(likely[2].permille, 200);
}

int main(void)
{
#ifdef __SSE2__
    TEST(both_forms_see_alike, "wide vectors and narrow ones say the same to the bit");
#endif
    TEST(words_of_the_scan_are_those_of_the_ends, "a glance sees the words that the scan found");
    TEST(a_text_of_letters_is_read_whole, "there is a row for every word and pair");
    TEST(equal_chances_keep_their_order, "of equal chances the first task's comes first");
    TEST(the_default_is_sound, "the weights in the program are whole and of this version");
    TEST(tells_tasks_in_many_languages, "tells tasks in several languages");
    TEST(the_order_may_stand_behind_the_text, "finds an order behind a long text");
    TEST(probabilities_are_such, "says probabilities of any bytes");
    TEST(strange_texts_are_left_to_the_task, "is familiar only with what it knows outcomes of");
    TEST(hard_questions_need_more, "a hard question has lower chances with small models");
    TEST(rules_alone_when_there_is_no_model, "without a model the rules decide");
    TEST(same_text_same_glance, "training and decision see the same");
    return tap_done();
}
