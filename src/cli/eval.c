/* SPDX-License-Identifier: Apache-2.0 */
/* sluice eval: what router weights are worth on labelled outcomes. */
#include "cli/eval.h"

#include "cli/arguments.h"
#include "cli/eval_dial.h"
#include "cli/rows.h"
#include "cli/terminal.h"
#include "cli/weights_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The pair that is judged: as named, else "weak" and "strong" where rows name them, else none. */
static bool find_pair(const struct arguments *arguments, const struct outcomes *outcomes,
                      struct eval_options *options, int *ret_code)
{
    const char *weak = arguments_value(arguments, "weak");
    const char *strong = arguments_value(arguments, "strong");
    options->weak = options->strong = UINT32_MAX;
    if ((weak == NULL) != (strong == NULL)) {
        *ret_code = arguments_refuse(arguments, "--weak and --strong belong together");
        return false;
    }
    uint32_t a = outcomes_model(outcomes, slice_from_cstr(weak == NULL ? "weak" : weak));
    uint32_t b = outcomes_model(outcomes, slice_from_cstr(strong == NULL ? "strong" : strong));
    if (weak == NULL && outcomes->named > 0 && (a >= outcomes->named || b >= outcomes->named)) {
        return true; /* the rows are of other models */
    }
    if (a != UINT32_MAX && b != UINT32_MAX && a != b) {
        options->weak = a;
        options->strong = b;
    } else if (weak != NULL) {
        *ret_code = arguments_refuse(arguments, "the data have no outcomes of %s",
                                     a == UINT32_MAX ? weak : strong);
        return false;
    }
    return true;
}

static bool read_share(const struct arguments *arguments, struct eval_options *options,
                       int *ret_code)
{
    const char *text = arguments_value(arguments, "share");
    int64_t scaled = 0;
    options->share = -1;
    if (text == NULL) {
        return true;
    }
    char whole[32]; /* ".3" is 0.3 */
    (void)snprintf(whole, sizeof(whole), "%s%s", text[0] == '.' ? "0" : "", text);
    if (strlen(text) > 30 || !slice_to_scaled(slice_from_cstr(whole), 6, &scaled) ||
        scaled < 0 || scaled > 1000000) {
        *ret_code = arguments_refuse(arguments, "--share is a number from 0 to 1, as 0.3");
        return false;
    }
    options->share = (double)scaled / 1e6;
    return true;
}

/* Is that where the table goes, by this name or another? Opened a second time, a file would be
   written over from its beginning. */
static bool is_output(const char *path)
{
    struct stat named;
    struct stat output;
    return stat(path, &named) == 0 && fstat(STDOUT_FILENO, &output) == 0 &&
           named.st_dev == output.st_dev && named.st_ino == output.st_ino;
}

static bool write_file(const char *path, const struct buf *data)
{
    FILE *file = fopen(path, "wb");
    bool written =
        file != NULL && (data->len == 0 || fwrite(data->ptr, 1, data->len, file) == data->len);
    if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    return written;
}

static bool save(const char *path, void (*write)(const struct evaluation *, struct buf *),
                 const struct evaluation *evaluation)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (path == NULL) {
        return true;
    }
    write(evaluation, &out);
    if (is_output(path)) {
        return print_data(&out) == EXIT_CODE_OK;
    }
    bool written = !out.failed && write_file(path, &out);
    if (!written) {
        say("sluice eval: cannot write %s: %s", path, strerror(errno));
    }
    buf_release(&out);
    return written;
}

/* What is said of each row is one, too, with labels or without. */
static bool has_result(const struct arguments *arguments, const struct evaluation *evaluation)
{
    bool written = arguments_value(arguments, "rows") != NULL;
    return evaluation->quality.rows > 0 || evaluation->tasks.judged > 0 ||
           (written && evaluation->outcomes->set.count > 0);
}

static int print_evaluation(const struct arguments *arguments, const struct evaluation *evaluation)
{
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (!save(arguments_value(arguments, "rows"), evaluation_write_rows, evaluation) ||
        !save(arguments_value(arguments, "svg"), evaluation_write_svg, evaluation)) {
        return EXIT_CODE_FAILED;
    }
    if (arguments_given(arguments, "json")) {
        evaluation_write_json(evaluation, &out);
    } else {
        evaluation_write_text(evaluation, &out);
    }
    int code = print_data(&out);
    return has_result(arguments, evaluation) ? code : EXIT_CODE_FAILED;
}

/* A figure "with the tag" or "with the answer" must not come of rows that have none. */
static bool has_what_is_asked_for(const struct arguments *arguments,
                                  const struct outcomes *outcomes,
                                  const struct eval_options *options, int *ret_code)
{
    const char *tag = arguments_value(arguments, "tag");
    if (options->tagged && !outcomes_have_tags(outcomes)) {
        *ret_code = arguments_refuse(arguments, "no row has \"%s\" as a text or number", tag);
    } else if (options->unseen && options->weights != NULL) {
        *ret_code = arguments_refuse(arguments, "--unseen is cross-validation, without --weights");
    } else if (options->unseen && !outcomes_have_tags(outcomes)) {
        *ret_code = arguments_refuse(arguments, "no row has a tag that --unseen could hold back");
    } else if (options->cascade &&
               (options->weak == UINT32_MAX || !outcomes_have_answers(outcomes, options->weak))) {
        *ret_code = arguments_refuse(arguments, "no row has the weak model's answer");
    } else {
        return true;
    }
    return false;
}

static int print_dial(const struct arguments *arguments, const struct outcomes *outcomes,
                      const struct eval_options *options)
{
    struct dial_table table;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    if (options->weak == UINT32_MAX) {
        return arguments_refuse(arguments, "--dial wants a pair: --weak and --strong");
    }
    if (!eval_dial(outcomes, options->weak, options->strong, &table)) {
        say("sluice eval: out of memory");
        return EXIT_CODE_FAILED;
    }
    if (arguments_given(arguments, "json")) {
        eval_dial_write_json(&table, &out);
    } else {
        eval_dial_write_text(&table, &out);
    }
    return print_data(&out);
}

static int evaluate(const struct arguments *arguments, const struct outcomes *outcomes,
                    const struct weights *weights)
{
    struct evaluation evaluation;
    struct error error;
    struct eval_options options = {
        .weights = weights,
        .unseen = arguments_given(arguments, "unseen"),
        .tagged = arguments_value(arguments, "tag") != NULL,
        .cascade = arguments_given(arguments, "cascade"),
        .prior = !arguments_given(arguments, "no-prior"),
    };
    int code = EXIT_CODE_OK;
    if (!find_pair(arguments, outcomes, &options, &code) ||
        !read_share(arguments, &options, &code) ||
        !has_what_is_asked_for(arguments, outcomes, &options, &code)) {
        return code;
    }
    if (arguments_given(arguments, "dial")) {
        return print_dial(arguments, outcomes, &options);
    }
    code = evaluation_make(&evaluation, outcomes, &options, &error)
               ? print_evaluation(arguments, &evaluation)
               : say_error("eval", &error);
    evaluation_release(&evaluation);
    return code;
}

/* By weights that were given: rows need not say how the models did that these know. */
static int evaluate_by(const struct arguments *arguments, struct outcomes *outcomes,
                       const char *path)
{
    struct weights weights;
    struct error error;
    if (!weights_load(path, &weights, &error)) {
        return say_error("eval", &error);
    }
    for (uint32_t i = 0; i < weights.head_count; i++) {
        if (weights.heads[i].kind == HEAD_MODEL) {
            outcomes_add_model(outcomes, slice_from_cstr(weights.heads[i].name));
        }
    }
    int code = evaluate(arguments, outcomes, &weights);
    weights_release(&weights);
    return code;
}

static int evaluate_rows(const struct arguments *arguments, struct outcomes *outcomes)
{
    const char *path = arguments_value(arguments, "weights");
    return path == NULL ? evaluate(arguments, outcomes, NULL)
                        : evaluate_by(arguments, outcomes, path);
}

static int eval_run(int argc, char **argv)
{
    struct arguments arguments;
    struct outcomes outcomes;
    struct error error;
    int code;
    if (!arguments_begin(&eval_command, argc, argv, &arguments, &code)) {
        return code;
    }
    if (outcomes_load(&outcomes, &arguments, &error)) {
        outcomes_say_unknown(&outcomes, "eval");
        code = evaluate_rows(&arguments, &outcomes);
    } else {
        code = say_error("eval", &error);
    }
    outcomes_release(&outcomes);
    return code;
}

static const struct argument eval_arguments[] = {
    {.name = "weights", .value = "FILE", .help = "of sluice train; without: cross-validation"},
    {.name = "weak", .value = "MODEL", .help = "the cheaper of the pair that is judged"},
    {.name = "strong", .value = "MODEL", .help = "the other"},
    {.name = "share", .value = "S", .help = "so much to the strong one, 0..1; else where it pays"},
    {.name = "tag", .value = "MEMBER", .help = "the caller says this member of each row"},
    {.name = "unseen", .help = "cross-validation holds back half of the tags"},
    {.name = "cascade", .help = "the weak model's answer is read first"},
    {.name = "no-prior", .help = "tasks by these weights alone, not with the built-in ones"},
    {.name = "rows", .value = "OUT", .help = "write what is said of each row, as JSON lines"},
    {.name = "svg", .value = "OUT", .help = "draw quality over the share of strong calls"},
    {.name = "dial", .help = "what a route of the pair does at each place of `conservative`"},
    ARGUMENT_JSON,
};

const struct command eval_command = {
    .name = "eval",
    .summary = "judge router weights on labelled outcomes",
    .example = "sluice eval outcomes.jsonl\n"
               "sluice eval other.jsonl --weights weights.bin --weak small --strong large\n",
    .details = "The score of a pair is p[strong] - p[weak]; ties go by a hash of the id.\n"
               "APGR is 0.5 for a coin; the nearer to 1, the better.",
    .arguments = eval_arguments,
    .argument_count = ARRAY_LEN(eval_arguments),
    .words = "DATA...",
    .words_min = 1,
    .words_max = WORDS_MAX,
    .run = eval_run,
};
