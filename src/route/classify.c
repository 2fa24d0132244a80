/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task from features. Every rule that matches gives its points to its task, once, times the weight
 * of the best place where it matched: the opening of the request counts most, quoted, fenced or
 * passage text least, a negated word takes away. Then a few rules about the shape of the request
 * (shapes.c) have their say, and the task with most points wins.
 */
#include "route/classify.h"

#include "route/score.h"

/* Weights of places, in sixteenths. */
enum {
    AT_TEXT_START = 48,
    AT_LAST_START = 36,
    AT_CLAUSE = 28,
    AT_START = 24,
    NEAR_ENDS = 16,
    IN_SYSTEM_START = 16,
    IN_SYSTEM = 10,
    IN_EARLIER = 9,
    IN_MIDDLE = 5,
    IN_QUOTE = 4,
    IN_CODE = 2,
};

#define TEXT_START_WORDS 7 /* "Hi, could you please quickly ..." */
#define NEAR_BYTES 260u
#define SHORT_WORDS 14
#define NEGATED_SHARE 10 /* of 16: what a negated rule takes away */

/* --- places --- */

/* Of what is not the request itself. */
static int weight_of_surroundings(unsigned place)
{
    if ((place & PLACE_CODE) != 0) {
        return IN_CODE;
    }
    if ((place & PLACE_SYSTEM) != 0) {
        return (place & PLACE_START) != 0 ? IN_SYSTEM_START : IN_SYSTEM;
    }
    return (place & PLACE_EARLIER) != 0 ? IN_EARLIER : IN_QUOTE;
}

static inline int weight_of_place(const struct features *f, size_t at)
{
    unsigned place = f->hits.places[at];
    unsigned offset = f->hits.offsets[at];
    unsigned index = f->hits.indexes[at];
    bool start = (place & PLACE_START) != 0;
    if ((place & (PLACE_CODE | PLACE_SYSTEM | PLACE_EARLIER | PLACE_QUOTED)) != 0) {
        return weight_of_surroundings(place);
    }
    if (start && index < TEXT_START_WORDS) {
        return AT_TEXT_START;
    }
    bool last = offset >= f->last_sentence || offset >= f->last_line;
    if (start && last) {
        return AT_LAST_START;
    }
    bool near = offset < NEAR_BYTES || offset + NEAR_BYTES > f->user_len || last;
    if ((place & PLACE_PASSAGE) != 0 && f->lines > 1 && !last && offset > NEAR_BYTES / 2) {
        near = false;
    }
    if (!near) {
        return IN_MIDDLE;
    }
    /* "From the text below, extract ..." */
    return (place & PLACE_CLAUSE) != 0 ? AT_CLAUSE : start ? AT_START : NEAR_ENDS;
}

/* --- phrases --- */

/* Is the word one of those that may come at this place of the phrase, after the first? */
static inline bool goes_on(const struct vocabulary *v, const struct phrase *phrase, size_t place,
                           uint16_t id)
{
    const struct known_word *word = vocabulary_word(v, id);
    if ((word->set_bits >> phrase->next_bit[place] & 1u) == 0) {
        return false;
    }
    for (size_t i = word->first_set; i < word->set_end; i++) {
        if (v->sets[i] == phrase->next_set[place]) {
            return true;
        }
    }
    return false;
}

/* Do the words after hit `at` continue the phrase, with no more words between than it allows? Stops
 * at punctuation. */
static inline bool phrase_continues(const struct vocabulary *v, const struct word_hits *hits,
                                    const struct phrase *phrase, size_t at)
{
    unsigned gap = phrase->rule->flags & RULE_GAP_MASK;
    size_t next = at + 1;
    for (size_t place = 0; place + 1 < phrase->length; place++, next++) {
        unsigned reach = hits->indexes[next - 1] + 1u + gap;
        while (next < hits->count && hits->indexes[next] <= reach &&
               (hits->places[next] & PLACE_CLAUSE) == 0 &&
               !goes_on(v, phrase, place, hits->words[next])) {
            next++;
        }
        if (next >= hits->count || hits->indexes[next] > reach ||
            (hits->places[next] & PLACE_CLAUSE) != 0) {
            return false;
        }
    }
    return true;
}

/* Kinds of rules that do not count in this request. */
static unsigned rules_barred(const struct scoring *s)
{
    unsigned barred = s->code_share == 0 ? RULE_CODE : 0;
    barred |= s->code_strong ? RULE_PROSE : 0;
    barred |= s->passage ? 0 : RULE_PASSAGE;
    return barred | (s->features->words > SHORT_WORDS ? RULE_SHORT : 0);
}

/* And those that do not count at this place. */
static inline unsigned rules_barred_at(const struct word_hits *hits, size_t at)
{
    if ((hits->places[at] & PLACE_START) == 0) {
        return RULE_AT_START | RULE_TEXT_START;
    }
    return hits->indexes[at] < TEXT_START_WORDS ? 0 : RULE_TEXT_START;
}

static inline void score_phrase(struct scoring *s, const struct phrase *phrase, uint16_t id,
                                int weight, bool negated)
{
    const struct word_rule *rule = phrase->rule;
    int points = rule->weight * weight;
    points = points * ((rule->flags & RULE_CODE) != 0 ? s->code_share : s->prose_share) / 16;
    if (negated) {
        s->points[rule->task] -= points * NEGATED_SHARE / 16;
        return;
    }
    s->touched |= UINT32_C(1) << rule->task;
    if (points > s->best_of_rule[id]) {
        s->points[rule->task] += points - s->best_of_rule[id];
        s->best_of_rule[id] = (int16_t)points;
    }
    if (points > s->reason_points[rule->task]) {
        s->reason_points[rule->task] = points;
        s->reason[rule->task] = rule->reason;
    }
}

/* The sets, as bits, of all words that may go on a phrase which begins with hit `at`: most phrases
 * are ruled out by these, many at once. */
static uint64_t sets_after(const struct scoring *s, size_t at)
{
    const struct word_hits *hits = &s->features->hits;
    unsigned reach = hits->indexes[at] + 1u + RULE_GAP_MASK;
    uint64_t sets = VOCABULARY_NO_SET;
    for (size_t i = at + 1;
         i < hits->count && hits->indexes[i] <= reach && (hits->places[i] & PLACE_CLAUSE) == 0;
         i++) {
        sets |= vocabulary_word(s->vocabulary, hits->words[i])->set_bits;
    }
    return sets;
}

static void score_hit(struct scoring *s, size_t at, unsigned barred, uint64_t next)
{
    const struct vocabulary *v = s->vocabulary;
    const struct word_hits *hits = &s->features->hits;
    const struct known_word *word = vocabulary_word(v, hits->words[at]);
    uint64_t sets = next == VOCABULARY_NO_SET ? next : next & sets_after(s, at);
    if (sets == 0) {
        return;
    }
    int weight = 0; /* of the place; most words that could begin a phrase do not */
    barred |= rules_barred_at(hits, at);
    const struct begun_phrase *end = &v->begun[word->phrase_end];
    for (const struct begun_phrase *begun = &v->begun[word->first_phrase]; begun < end; begun++) {
        const struct phrase *phrase = &v->phrases[begun->phrase];
        if ((sets >> begun->next_bit & 1u) != 0 && (begun->flags & barred) == 0 &&
            phrase_continues(v, hits, phrase, at)) {
            weight = weight != 0 ? weight : weight_of_place(s->features, at);
            score_phrase(s, phrase, begun->phrase, weight, (hits->places[at] & PLACE_NEGATED) != 0);
        }
    }
}

/* Backwards over the hits [first, end): which of them begin a phrase that a word of the same clause
   may go on? The few that do are scored in the order of the text. */
static void score_hits(struct scoring *s, unsigned barred, size_t first, size_t end)
{
    const struct word_hits *all = &s->features->hits;
    uint64_t next[FEATURES_HITS_MAX];
    uint8_t hits[FEATURES_HITS_MAX];
    unsigned at_start = s->code_share == 0 ? PLACE_START : 0;
    unsigned variant = s->code_share == 0 ? NEXT_WITHIN : NEXT_WITH_CODE;
    uint64_t after = VOCABULARY_NO_SET;
    size_t count = 0;
    for (size_t i = end; i > first; i--) {
        const struct known_word *word = vocabulary_word(s->vocabulary, all->words[i - 1]);
        unsigned place = all->places[i - 1];
        uint64_t bits = word->next_bits[variant + (place & at_start)] & after;
        if (bits != 0) {
            next[count] = bits;
            hits[count++] = (uint8_t)(i - 1);
        }
        after = (place & PLACE_CLAUSE) != 0 ? VOCABULARY_NO_SET : after | word->set_bits;
    }
    while (count-- > 0) {
        score_hit(s, hits[count], barred, next[count]);
    }
}

static void score_found(struct scoring *s, unsigned barred)
{
    const struct found_phrases *found = &s->features->found;
    for (size_t i = 0; i < found->count; i++) {
        const struct found_phrase *one = &found->phrases[i];
        const struct phrase *phrase = &s->vocabulary->phrases[one->phrase];
        if ((phrase->rule->flags & barred) == 0) {
            score_phrase(s, phrase, one->phrase, one->weight, one->negated);
        }
    }
}

/* No phrase reaches from one part of the text into the next, so each is scored by itself. */
static void score_words(struct scoring *s)
{
    const struct found_phrases *found = &s->features->found;
    unsigned barred = rules_barred(s);
    size_t rest = 0;
    if (found->end > found->first) {
        score_hits(s, barred, 0, found->first);
        score_found(s, barred);
        rest = found->end;
    }
    score_hits(s, barred, rest, s->features->hits.count);
}

bool phrases_find(const struct features *features, const struct vocabulary *v, uint32_t first,
                  uint32_t end, struct found_phrases *found)
{
    const struct word_hits *hits = &features->hits;
    found->count = 0;
    for (size_t at = first; at < end; at++) {
        const struct known_word *word = vocabulary_word(v, hits->words[at]);
        unsigned barred = rules_barred_at(hits, at);
        for (size_t i = word->first_phrase; i < word->phrase_end; i++) {
            uint16_t id = v->begun[i].phrase;
            if ((v->begun[i].flags & barred) != 0 ||
                !phrase_continues(v, hits, &v->phrases[id], at)) {
                continue;
            }
            if (found->count == FOUND_PHRASES_MAX) {
                return false;
            }
            found->phrases[found->count++] =
                (struct found_phrase){.phrase = id,
                                      .weight = (uint8_t)weight_of_place(features, at),
                                      .negated = (hits->places[at] & PLACE_NEGATED) != 0};
        }
    }
    return true;
}

_Static_assert(PLACE_START == NEXT_AT_START - NEXT_WITHIN && FEATURES_HITS_MAX <= 256,
               "a place tells which phrases count, a byte which hit");

/* --- the verdict --- */

static void scoring_init(struct scoring *s, const struct features *f)
{
    s->features = f;
    s->vocabulary = vocabulary_get();
    memset(s->points, 0, sizeof(s->points));
    memset(s->reason_points, 0, sizeof(s->reason_points));
    memset(s->best_of_rule, 0, s->vocabulary->phrase_count * sizeof(s->best_of_rule[0]));
    s->touched = 0;
    shape_facts(s);
}

/* The first of the best, and what share of all points it has. */
static void decide(const struct scoring *s, struct classification *c)
{
    size_t best = TASK_OTHER;
    int64_t sum = SCORE_DOUBT;
    for (uint32_t rest = s->touched; rest != 0; rest &= rest - 1) {
        size_t task = (size_t)__builtin_ctz(rest);
        sum += s->points[task] > 0 ? s->points[task] : 0;
        if (s->points[task] > s->points[best]) {
            best = task;
        }
    }
    if (s->points[best] < SCORE_LEAST) {
        best = TASK_OTHER;
    }
    c->task = (enum task)best;
    c->reason = s->reason_points[best] > 0 ? s->reason[best] : "no rule matched";
    c->confidence = s->points[best] <= 0 ? 0 : (double)s->points[best] / (double)sum;
}

static void classify_by_rules(const struct features *features, struct scoring *scoring,
                              struct classification *classification)
{
    scoring_init(scoring, features);
    score_words(scoring);
    score_shapes(scoring);
    classification->given = false;
    decide(scoring, classification);
    judge_task(classification->task, &classification->judged);
    classification->by_model = false;
}

void classify(const struct features *features, struct classification *classification)
{
    struct scoring scoring;
    classify_by_rules(features, &scoring, classification);
    classification->complexity = complexity_of(features, classification->task);
}

void classify_points(const struct features *features, struct classification *classification,
                     struct rule_points *ret_points)
{
    struct scoring scoring;
    classify_by_rules(features, &scoring, classification);
    memcpy(ret_points->of, scoring.points, sizeof(ret_points->of));
    ret_points->touched = scoring.touched;
    ret_points->best = classification->task;
}

void classification_likely(const struct classification *classification,
                           struct task_chance likely[TASK_CHANCES])
{
    memset(likely, 0, TASK_CHANCES * sizeof(*likely));
    for (unsigned task = 0; classification->by_model && task < TASK_COUNT; task++) {
        float permille = classification->chances[task] * 1000 + 0.5F;
        struct task_chance chance = {(uint8_t)task, (uint16_t)permille};
        for (unsigned i = 0; i < TASK_CHANCES; i++) {
            bool before = chance.permille == likely[i].permille && chance.task < likely[i].task;
            if (chance.permille > likely[i].permille || (before && chance.permille > 0)) {
                struct task_chance worse = likely[i];
                likely[i] = chance;
                chance = worse;
            }
        }
    }
}
