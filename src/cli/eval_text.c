/* SPDX-License-Identifier: Apache-2.0 */
/* An evaluation in words, as JSON, as rows and as a picture. */
#include "cli/eval.h"

#include "cli/table.h"
#include "codec/json_write.h"

#include <math.h>
#include <stdio.h>

static struct slice model_name(const struct evaluation *evaluation, uint32_t model)
{
    return evaluation->outcomes->models[model];
}

static bool has_pair(const struct evaluation *evaluation)
{
    return evaluation->options->weak != UINT32_MAX && evaluation->quality.rows > 0;
}

/* --- text --- */

/* ".643", "-.025", "1.000" */
static const char *bare(double value, char text[16])
{
    int len = snprintf(text, 16, "%.3f", value);
    char *zero = text + (text[0] == '-');
    if (len > 0 && zero[0] == '0') {
        memmove(zero, zero + 1, strlen(zero));
    }
    return text;
}

/* "0.671 [.643 .697]" */
static void put_figure(struct table *table, double value, struct interval interval)
{
    char low[16];
    char high[16];
    if (isnan(value)) {
        table_cstr(table, "-");
    } else if (isnan(interval.low)) {
        table_printf(table, "%.3f", value);
    } else {
        table_printf(table, "%.3f [%s %s]", value, bare(interval.low, low),
                     bare(interval.high, high));
    }
}

static void put_router(struct table *table, const char *name, const struct quality *quality)
{
    table_cstr(table, name);
    put_figure(table, quality->apgr, quality->apgr_interval);
    put_figure(table, quality->apgr_all, quality->apgr_all_interval);
    put_figure(table, quality->cpt50, quality->cpt50_interval);
    put_figure(table, quality->cpt80, quality->cpt80_interval);
}

static void put_apgr(struct table *table, const char *name, double apgr, struct interval interval)
{
    table_cstr(table, name);
    put_figure(table, apgr, interval);
    for (unsigned i = 0; i < 3; i++) {
        table_cstr(table, "");
    }
}

static void write_routers(const struct evaluation *evaluation, struct buf *out)
{
    static const struct table_column columns[] = {
        {"router", false}, {"APGR", true}, {"all shares", true}, {"CPT50", true}, {"CPT80", true},
    };
    static const struct interval none = {(double)NAN, (double)NAN};
    const char *name = evaluation->options->cascade ? "weights, answer read" : "weights";
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    put_apgr(&table, "random", 0.5, none);
    if (evaluation->by_tag_known) {
        put_router(&table, "table of tags", &evaluation->by_tag);
    }
    put_router(&table, name, &evaluation->quality);
    if (evaluation->by_tag_known) {
        put_apgr(&table, "more than the table", evaluation->more, evaluation->more_interval);
    }
    table_write(&table, 2, out);
    table_release(&table);
}

static void put_average(struct table *table, double value, struct interval interval,
                        const char *share)
{
    put_figure(table, value, interval);
    table_cstr(table, share);
}

static void write_averages(const struct evaluation *evaluation, struct buf *out)
{
    const struct quality *q = &evaluation->quality;
    struct slice weak = model_name(evaluation, evaluation->options->weak);
    struct slice strong = model_name(evaluation, evaluation->options->strong);
    static const struct table_column columns[] = {
        {"quality", false}, {"", true}, {"strong calls", true}};
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    table_printf(&table, "always %.*s", SLICE_ARG(weak));
    put_average(&table, q->weak, q->weak_interval, "0.0 %");
    table_printf(&table, "always %.*s", SLICE_ARG(strong));
    put_average(&table, q->strong, q->strong_interval, "100.0 %");
    table_printf(&table, "best single");
    put_average(&table, fmax(q->weak, q->strong),
                q->weak > q->strong ? q->weak_interval : q->strong_interval, "");
    table_printf(&table, "chosen");
    put_figure(&table, q->chosen, q->chosen_interval);
    table_printf(&table, "%.1f %% [%.1f %.1f]", 100 * q->chosen_share,
                 100 * q->chosen_share_interval.low, 100 * q->chosen_share_interval.high);
    table_printf(&table, "oracle");
    put_average(&table, q->oracle, q->oracle_interval, "");
    table_write(&table, 2, out);
    table_release(&table);
}

static void write_tasks(const struct task_figures *tasks, const char *what, struct buf *out)
{
    char text[4][16];
    if (tasks->judged > 0) {
        buf_printf(out, "%zu %s: macro-F1 %.3f [%s %s], accuracy %.3f [%s %s]\n", tasks->judged,
                   what, tasks->f1, bare(tasks->f1_interval.low, text[0]),
                   bare(tasks->f1_interval.high, text[1]), tasks->accuracy,
                   bare(tasks->accuracy_interval.low, text[2]),
                   bare(tasks->accuracy_interval.high, text[3]));
    }
}

void evaluation_write_text(const struct evaluation *evaluation, struct buf *out)
{
    const struct eval_options *options = evaluation->options;
    buf_printf(out, "%zu rows, %s; 95 %% intervals in brackets\n", evaluation->outcomes->set.count,
               options->weights != NULL ? "by the weights given"
               : options->unseen        ? "each by weights that never saw its tag (2 folds)"
                                        : "each by weights that never saw it (10 folds)");
    if (has_pair(evaluation)) {
        buf_printf(out, "\n%zu rows with outcomes of both:\n", evaluation->quality.rows);
        write_routers(evaluation, out);
        buf_append_char(out, '\n');
        write_averages(evaluation, out);
    }
    if (evaluation->tasks.judged > 0) {
        buf_append_char(out, '\n');
        write_tasks(&evaluation->tasks, "rows with a task", out);
        write_tasks(&evaluation->grouped,
                    "of them as classification, summarization, questions or generation", out);
    }
    if (!has_pair(evaluation) && evaluation->tasks.judged == 0) {
        buf_append_cstr(out,
                        "\nThere is nothing to judge: no row has a task, or outcomes of \"weak\" "
                        "and \"strong\".\n--weak and --strong name another pair.\n");
    }
}

/* --- JSON --- */

static void member_figure(struct json_writer *w, struct slice name, double value)
{
    if (isnan(value)) {
        json_key(w, name);
        json_write_null(w);
    } else {
        json_member_scaled(w, name, llround(value * 1e6), 6);
    }
}

/* NAME, and NAME_interval: [low, high]. */
static void member_measured(struct json_writer *w, const char *name, double value,
                            struct interval interval)
{
    char key[64];
    int len = snprintf(key, sizeof(key), "%s_interval", name);
    member_figure(w, slice_from_cstr(name), value);
    json_key(w, slice_of(key, (size_t)len));
    if (isnan(interval.low)) {
        json_write_null(w);
        return;
    }
    json_begin_array(w);
    json_write_scaled(w, llround(interval.low * 1e6), 6);
    json_write_scaled(w, llround(interval.high * 1e6), 6);
    json_end_array(w);
}

static void member_quality(struct json_writer *w, struct slice name, const struct quality *quality)
{
    json_key(w, name);
    json_begin_object(w);
    member_measured(w, "apgr", quality->apgr, quality->apgr_interval);
    member_figure(w, SLICE("low"), quality->apgr_interval.low);
    member_figure(w, SLICE("high"), quality->apgr_interval.high);
    member_measured(w, "apgr_all", quality->apgr_all, quality->apgr_all_interval);
    member_measured(w, "cpt50", quality->cpt50, quality->cpt50_interval);
    member_measured(w, "cpt80", quality->cpt80, quality->cpt80_interval);
    json_key(w, SLICE("curve"));
    json_begin_array(w);
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        json_write_scaled(w, llround(quality->curve[i] * 1e6), 6);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_pair(const struct evaluation *evaluation, struct json_writer *w)
{
    const struct quality *quality = &evaluation->quality;
    bool weak_is_best = quality->weak > quality->strong;
    json_key(w, SLICE("pair"));
    json_begin_object(w);
    json_member_string(w, SLICE("weak"), model_name(evaluation, evaluation->options->weak));
    json_member_string(w, SLICE("strong"), model_name(evaluation, evaluation->options->strong));
    json_member_int(w, SLICE("rows"), (int64_t)quality->rows);
    member_measured(w, "always_weak", quality->weak, quality->weak_interval);
    member_measured(w, "always_strong", quality->strong, quality->strong_interval);
    member_measured(w, "best_single", fmax(quality->weak, quality->strong),
                    weak_is_best ? quality->weak_interval : quality->strong_interval);
    member_measured(w, "oracle", quality->oracle, quality->oracle_interval);
    member_measured(w, "chosen", quality->chosen, quality->chosen_interval);
    member_measured(w, "chosen_share", quality->chosen_share, quality->chosen_share_interval);
    member_quality(w, SLICE("weights"), quality);
    if (evaluation->by_tag_known) {
        member_quality(w, SLICE("table_of_tags"), &evaluation->by_tag);
        member_measured(w, "more_than_table", evaluation->more, evaluation->more_interval);
    }
    json_end_object(w);
}

void evaluation_write_json(const struct evaluation *evaluation, struct buf *out)
{
    const struct task_figures *tasks = &evaluation->tasks;
    const struct task_figures *grouped = &evaluation->grouped;
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_int(&w, SLICE("rows"), (int64_t)evaluation->outcomes->set.count);
    if (has_pair(evaluation)) {
        write_pair(evaluation, &w);
    }
    if (tasks->judged > 0) {
        json_key(&w, SLICE("tasks"));
        json_begin_object(&w);
        json_member_int(&w, SLICE("rows"), (int64_t)tasks->judged);
        member_measured(&w, "macro_f1", tasks->f1, tasks->f1_interval);
        member_measured(&w, "accuracy", tasks->accuracy, tasks->accuracy_interval);
        json_member_int(&w, SLICE("grouped_rows"), (int64_t)grouped->judged);
        member_measured(&w, "grouped_macro_f1", grouped->f1, grouped->f1_interval);
        member_measured(&w, "grouped_accuracy", grouped->accuracy, grouped->accuracy_interval);
        json_end_object(&w);
    }
    json_end_object(&w);
    buf_append_char(out, '\n');
}

/* --- rows --- */

/* Of the pair where there is one, else of all the one that will most probably do well. */
static uint32_t chosen_model(const struct evaluation *evaluation, const struct eval_row *row)
{
    uint32_t best = UINT32_MAX;
    if (evaluation->options->weak != UINT32_MAX) {
        return row->takes_strong ? evaluation->options->strong : evaluation->options->weak;
    }
    const struct outcomes *outcomes = evaluation->outcomes;
    size_t count = outcomes->named > 0 ? outcomes->named : outcomes->set.model_count;
    for (uint32_t i = 0; i < count; i++) {
        if (row->success[i] >= 0 && (best == UINT32_MAX || row->success[i] > row->success[best])) {
            best = i;
        }
    }
    return best;
}

void evaluation_write_rows(const struct evaluation *evaluation, struct buf *out)
{
    for (size_t i = 0; i < evaluation->outcomes->set.count; i++) {
        const struct eval_row *row = &evaluation->rows[i];
        uint32_t chosen = chosen_model(evaluation, row);
        struct json_writer w;
        json_writer_init(&w, out);
        json_begin_object(&w);
        json_member_string(&w, SLICE("id"), evaluation->outcomes->names[i]);
        json_member_string(
            &w, SLICE("task"),
            slice_from_cstr(task_name(row->task < 0 ? TASK_OTHER : (enum task)row->task)));
        json_key(&w, SLICE("p"));
        json_begin_object(&w);
        for (uint32_t model = 0; model < evaluation->outcomes->set.model_count; model++) {
            if (row->success[model] >= 0) {
                member_figure(&w, model_name(evaluation, model), (double)row->success[model]);
            }
        }
        json_end_object(&w);
        if (chosen != UINT32_MAX) {
            json_member_string(&w, SLICE("chosen"), model_name(evaluation, chosen));
        }
        json_end_object(&w);
        buf_append_char(out, '\n');
    }
}

/* --- SVG --- */

#define PICTURE_WIDTH 640
#define PICTURE_HEIGHT 420
#define PICTURE_EDGE 60

struct frame {
    double low; /* quality at the bottom */
    double high;
};

static double x_of(double share)
{
    return PICTURE_EDGE + share * (PICTURE_WIDTH - 2.0 * PICTURE_EDGE);
}

static double y_of(const struct frame *frame, double value)
{
    double part = (value - frame->low) / (frame->high - frame->low);
    return PICTURE_HEIGHT - PICTURE_EDGE - part * (PICTURE_HEIGHT - 2.0 * PICTURE_EDGE);
}

static void draw_curve(const struct quality *quality, const struct frame *frame, const char *colour,
                       struct buf *out)
{
    buf_printf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"", colour);
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        buf_printf(out, "%.1f,%.1f ", x_of((double)i / (QUALITY_POINTS - 1)),
                   y_of(frame, quality->curve[i]));
    }
    buf_append_cstr(out, "\"/>\n");
}

static void draw_axes(const struct frame *frame, struct buf *out)
{
    for (unsigned i = 0; i <= 4; i++) {
        double share = i / 4.0;
        double value = frame->low + share * (frame->high - frame->low);
        buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f %%</text>\n",
                   x_of(share), PICTURE_HEIGHT - PICTURE_EDGE + 20, 100 * share);
        buf_printf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.3f</text>\n",
                   PICTURE_EDGE - 8, y_of(frame, value) + 4, value);
        buf_printf(out, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n",
                   PICTURE_EDGE, PICTURE_WIDTH - PICTURE_EDGE, y_of(frame, value),
                   y_of(frame, value));
    }
    buf_printf(out,
               "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">calls to the strong model</text>\n"
               "<text x=\"%d\" y=\"%d\">quality</text>\n",
               PICTURE_WIDTH / 2, PICTURE_HEIGHT - 16, PICTURE_EDGE, PICTURE_EDGE - 20);
}

void evaluation_write_svg(const struct evaluation *evaluation, struct buf *out)
{
    const struct quality *quality = &evaluation->quality;
    struct frame frame = {.low = quality->curve[0], .high = quality->curve[0]};
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        frame.low = fmin(frame.low, quality->curve[i]);
        frame.high = fmax(frame.high, quality->curve[i]);
    }
    frame.high += frame.high - frame.low < 1e-6 ? 1e-3 : 0;
    struct quality random = *quality;
    for (size_t i = 0; i < QUALITY_POINTS; i++) {
        random.curve[i] =
            quality->weak + (quality->strong - quality->weak) * (double)i / (QUALITY_POINTS - 1);
    }
    buf_printf(out,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
               "font-family=\"sans-serif\" font-size=\"12\">\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
               PICTURE_WIDTH, PICTURE_HEIGHT);
    draw_axes(&frame, out);
    draw_curve(&random, &frame, "#999", out);
    if (evaluation->by_tag_known) {
        draw_curve(&evaluation->by_tag, &frame, "#c60", out);
    }
    draw_curve(quality, &frame, "#06c", out);
    buf_append_cstr(out, "</svg>\n");
}
