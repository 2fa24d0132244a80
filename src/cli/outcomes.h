/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labelled outcomes as JSON lines, one object a line:
 *
 *   id        text or number; without one the line's number is it, from the second file on with the
 *             file's number before it: "2:17"
 *   prompt    the request's text; also `instruction` with `context`, or `text`
 *   weak, strong            true, false or 0..1: how two models did, named "weak" and "strong"
 *   weak_response, strong_response   what they said
 *   scores    {"model": 0..1, ...}
 *   answers   {"model": "text", ...}, with or without its score
 *   category  the kind of work: an identifier of Sluice, or a category of Dolly, in any case, with
 *             blanks or hyphens for "_"; what is none of these is counted
 *   tag       text or number: what rows of one kind share; without it `subject`, then `task`; --tag
 * names another
 *
 * Other members are not looked at. `task` is the kind of work, too, where it is an identifier.
 */
#ifndef SLUICE_CLI_OUTCOMES_H
#define SLUICE_CLI_OUTCOMES_H

#include "base/arena.h"
#include "cli/arguments.h"
#include "route/learn.h"

#define OUTCOMES_FILE_MAX ((size_t)1 << 30)
#define OUTCOMES_LINE_MAX ((size_t)16 << 20)

struct outcomes {
    struct learn_set set;
    struct slice *names; /* ids, by row */
    struct arena arena;
    struct buf rows; /* of struct learn_row */
    struct buf ids;  /* of struct slice */
    struct slice models[LEARN_MODELS_MAX];
    size_t tagged;  /* rows with a tag */
    size_t unknown_categories; /* rows whose category is no kind of work that is known */
    struct slice unknown_category; /* the first of these */
    uint32_t files; /* read so far */
    size_t named;   /* models that rows name; others were added */
};

void outcomes_init(struct outcomes *outcomes);
void outcomes_release(struct outcomes *outcomes);
/* Adds the rows of one file ("-": stdin). `tag`: the member with the tag, NULL: the usual ones.
 * Errors: "bad_row" with file and line, those of read_input(). */
MUST_USE bool outcomes_read(struct outcomes *outcomes, const char *path, const char *tag,
                            struct error *error);
/* The same of a text; `name` is what errors call it. */
MUST_USE bool outcomes_read_text(struct outcomes *outcomes, struct slice text, const char *name,
                                 const char *tag, struct error *error);
/* After the last file. */
void outcomes_finish(struct outcomes *outcomes);
/* All of it, for the files that a command names; its --tag is the member. Release it either way. */
MUST_USE bool outcomes_load(struct outcomes *outcomes, const struct arguments *arguments,
                            struct error *error);
/* Index of a model, or UINT32_MAX. */
uint32_t outcomes_model(const struct outcomes *outcomes, struct slice name);
/* One of which rows need not say anything, to be asked for; after the last file. */
void outcomes_add_model(struct outcomes *outcomes, struct slice name);
/* Says on stderr what of the rows was not understood; `command` as in "train". */
void outcomes_say_unknown(const struct outcomes *outcomes, const char *command);
bool outcomes_have_tags(const struct outcomes *outcomes);
bool outcomes_have_answers(const struct outcomes *outcomes, uint32_t model);

#endif
