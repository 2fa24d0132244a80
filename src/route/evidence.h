/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers were worth: for each tag and target how many were good and how many were not. A tag
 * is what calls of one kind share: a word of the caller, of the route or of the key, and besides
 * always the task. Evidence is a verdict or a feedback on one answer, 0 (useless) to 1 (as wished).
 * Old evidence fades by half in 30 days, of either side alike, so what is left says less and no
 * other thing.
 *
 * Bounded, whatever callers invent: so many tags, and so many targets of each; where another one is
 * seen the one goes that has had no evidence for longest, of those that the client key with most of
 * them brought: nobody pushes others out by inventing more. Targets are found by name, so a reload
 * keeps what is known of them. Any thread: one short lock for who adds, none for who reads, who may
 * see a moment's difference. Time is what evidence_tick() said last.
 */
#ifndef SLUICE_ROUTE_EVIDENCE_H
#define SLUICE_ROUTE_EVIDENCE_H

#include "route/policy.h"

#define EVIDENCE_TAGS_MAX 4096 /* besides the tasks */
#define EVIDENCE_TARGETS_MAX 16
#define EVIDENCE_HALF_LIFE_S (INT64_C(30) * 86400)
#define EVIDENCE_COUNT_MAX                                                                         \
    4096.0 /* of one tag and target, both sides together; more: the same                           \
              share of fewer */
#define EVIDENCE_WEIGHT_MAX 16.0

struct evidence;
struct evidence_row; /* of one tag */

/* NULL: out of memory. About 1 MB, of which as much is touched as there are tags. */
MUST_USE struct evidence *evidence_new(void);
void evidence_free(struct evidence *table); /* NULL-safe */
/* What time it is, in seconds of the wall clock. Time never goes back. */
void evidence_tick(struct evidence *table, int64_t wall_s);

/* Of a target's name, for `name_hash` of struct target: it need not be made again and again. */
uint64_t evidence_name(struct slice name);

/* Tags as numbers: of a word (never 0; another one in each process), and of a task. */
uint64_t evidence_tag(struct slice word);
uint64_t evidence_task(enum task task);
/* Of a route: what was expected of answers, in steps for targets ("0" to "9"), and what came. For
 * `evidence` of struct route, likewise. */
uint64_t evidence_route(struct slice name);

/* One answer of `target` to a call with this tag: score 0..1 counts `weight` times, from 0 to
 * EVIDENCE_WEIGHT_MAX. A negative weight takes back what was added before. Nothing happens for
 * numbers that are none, and without a table. */
void evidence_add(struct evidence *table, uint64_t tag, const struct target *target, double score,
                  double weight);
/* As evidence_add(), for what is known of a target only by name, and as it was `age_s` ago.
 * `owner`: the client key that said it; 0: nobody in particular. What is nobody's counts as one
 * owner's, until a key adds to it. */
void evidence_add_named(struct evidence *table, uint64_t owner, uint64_t tag, struct slice target,
                        double score, double weight, int64_t age_s);

struct evidence_counts {
    double good;
    double bad;
};
/* False: nothing is known of this target in this row. */
MUST_USE bool evidence_read(const struct evidence *table, const struct evidence_row *row,
                            uint64_t tag, const struct target *target,
                            struct evidence_counts *ret_counts);
/* What is known of a tag; NULL: nothing. Also without a table. The row stays where it is, and may
 * become another tag's: evidence_read() sees that. */
const struct evidence_row *evidence_find(const struct evidence *table, uint64_t tag);

#endif
