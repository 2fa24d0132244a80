/* SPDX-License-Identifier: Apache-2.0 */
/* sluice train: router weights from labelled outcomes. */
#include "cli/arguments.h"
#include "cli/outcomes.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/weights_file.h"
#include "codec/json_write.h"

#include <math.h>

static const char *const kind_names[HEAD_KINDS] = {
    [HEAD_TASK] = "task",
    [HEAD_MODEL] = "model",
    [HEAD_ANSWER] = "answer",
};

static double success_rate(const struct head *head)
{
    return 1 / (1 + exp(-(double)head->average));
}

static void write_text(const struct weights *weights, const char *path, size_t rows, size_t bytes,
                       struct buf *out)
{
    static const struct table_column columns[] = {
        {"learned", false}, {"name", false}, {"rows", true}, {"success", true}};
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (uint32_t i = 0; i < weights->head_count; i++) {
        const struct head *head = &weights->heads[i];
        table_cstr(&table, kind_names[head->kind]);
        table_cstr(&table, head->name);
        table_count(&table, head->rows);
        table_printf(&table, "%.1f %%", 100 * success_rate(head));
    }
    table_write(&table, 0, out);
    table_release(&table);
    buf_printf(out, "\n%s: %zu rows, %u offsets of tags, %.2f MB\n", path, rows, weights->tag_count,
               (double)bytes / 1e6);
}

static void write_json(const struct weights *weights, const char *path, size_t rows, size_t bytes,
                       struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("file"), slice_from_cstr(path));
    json_member_int(&w, SLICE("rows"), (int64_t)rows);
    json_member_int(&w, SLICE("bytes"), (int64_t)bytes);
    json_member_int(&w, SLICE("tags"), weights->tag_count);
    json_key(&w, SLICE("heads"));
    json_begin_array(&w);
    for (uint32_t i = 0; i < weights->head_count; i++) {
        const struct head *head = &weights->heads[i];
        json_begin_object(&w);
        json_member_string(&w, SLICE("kind"), slice_from_cstr(kind_names[head->kind]));
        json_member_string(&w, SLICE("name"), slice_from_cstr(head->name));
        json_member_int(&w, SLICE("rows"), head->rows);
        json_member_scaled(&w, SLICE("success"), llround(1e6 * success_rate(head)), 6);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

static int learn_and_save(const struct arguments *arguments, const struct outcomes *outcomes)
{
    struct weights weights;
    struct error error;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    size_t bytes = 0;
    const char *path = arguments_value(arguments, "output");
    if (!learn_weights(&outcomes->set, NULL, &weights, &error)) {
        return say_error("train", &error);
    }
    bool saved = weights_save(&weights, path, &bytes, &error);
    if (saved && arguments_given(arguments, "json")) {
        write_json(&weights, path, outcomes->set.count, bytes, &out);
    } else if (saved) {
        write_text(&weights, path, outcomes->set.count, bytes, &out);
    }
    weights_release(&weights);
    return saved ? print_data(&out) : say_error("train", &error);
}

static int train_run(int argc, char **argv)
{
    struct arguments arguments;
    struct outcomes outcomes;
    struct error error;
    int code;
    if (!arguments_begin(&train_command, argc, argv, &arguments, &code)) {
        return code;
    }
    if (arguments_value(&arguments, "output") == NULL) {
        return arguments_refuse(&arguments, "-o FILE is missing: where the weights go");
    }
    const char *tag = arguments_value(&arguments, "tag");
    if (!outcomes_load(&outcomes, &arguments, &error)) {
        code = say_error("train", &error);
    } else if (tag != NULL && !outcomes_have_tags(&outcomes)) {
        code = arguments_refuse(&arguments, "no row has \"%s\" as a text or number", tag);
    } else {
        outcomes_say_unknown(&outcomes, "train");
        code = learn_and_save(&arguments, &outcomes);
    }
    outcomes_release(&outcomes);
    return code;
}

static const struct argument train_arguments[] = {
    {.name = "output", .letter = 'o', .value = "FILE", .help = "where the weights go"},
    {.name = "tag",
     .value = "MEMBER",
     .help = "what rows of one kind share; default: tag, subject or task"},
    ARGUMENT_JSON,
};

const struct command train_command = {
    .name = "train",
    .summary = "learn router weights from labelled outcomes",
    .example = "sluice train outcomes.jsonl -o weights.bin\n",
    .details = "DATA are JSON lines: a prompt, how models did on it, the kind of work.\n"
               "sluice eval says what the weights are worth.",
    .arguments = train_arguments,
    .argument_count = ARRAY_LEN(train_arguments),
    .words = "DATA...",
    .words_min = 1,
    .words_max = WORDS_MAX,
    .run = train_run,
};
