/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/outcomes.h"

#include "base/hash.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/utf8.h"

#include <stdio.h>

#define ROW_OUTCOMES_MAX LEARN_MODELS_MAX
#define SCORE_SCALE 6
#define CATEGORY_MAX 64 /* longer ones are none of ours */

/* One line as it is read. */
struct row_reading {
    struct outcomes *outcomes;
    const struct json_doc *doc;
    const char *tag;
    struct learn_outcome list[ROW_OUTCOMES_MAX];
    size_t count;
    const char *fault; /* what is wrong with the row */
};

void outcomes_init(struct outcomes *outcomes)
{
    *outcomes = (struct outcomes){.names = NULL};
    arena_init(&outcomes->arena, (size_t)8 << 30);
    buf_init(&outcomes->rows, (size_t)LEARN_ROWS_MAX * sizeof(struct learn_row));
    buf_init(&outcomes->ids, (size_t)LEARN_ROWS_MAX * sizeof(struct slice));
}

void outcomes_release(struct outcomes *outcomes)
{
    arena_release(&outcomes->arena);
    buf_release(&outcomes->rows);
    buf_release(&outcomes->ids);
}

uint32_t outcomes_model(const struct outcomes *outcomes, struct slice name)
{
    for (uint32_t i = 0; i < outcomes->set.model_count; i++) {
        if (slice_eq(outcomes->models[i], name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

static uint32_t model_of(struct outcomes *outcomes, struct slice name)
{
    uint32_t found = outcomes_model(outcomes, name);
    if (found != UINT32_MAX || outcomes->set.model_count == LEARN_MODELS_MAX) {
        return found;
    }
    outcomes->models[outcomes->set.model_count] = arena_copy(&outcomes->arena, name);
    return (uint32_t)outcomes->set.model_count++;
}

/* --- members --- */

static struct slice member_text(struct row_reading *reading, const char *name)
{
    uint32_t value = json_member(reading->doc, JSON_ROOT, slice_from_cstr(name));
    return json_is(reading->doc, value, JSON_STRING)
               ? arena_copy(&reading->outcomes->arena,
                            json_string(reading->doc, value, &reading->outcomes->arena))
               : SLICE("");
}

/* A text or a number, as a name for something. */
static struct slice member_name(struct row_reading *reading, const char *name)
{
    uint32_t value = json_member(reading->doc, JSON_ROOT, slice_from_cstr(name));
    return json_is(reading->doc, value, JSON_NUMBER)
               ? arena_copy(&reading->outcomes->arena, json_raw(reading->doc, value))
               : member_text(reading, name);
}

static struct slice read_prompt(struct row_reading *reading)
{
    struct slice prompt = member_text(reading, "prompt");
    if (prompt.len > 0) {
        return prompt;
    }
    struct slice instruction = member_text(reading, "instruction");
    struct slice context = member_text(reading, "context");
    if (instruction.len > 0 && context.len > 0) {
        return arena_printf(&reading->outcomes->arena, "%.*s\n\n%.*s", SLICE_ARG(instruction),
                            SLICE_ARG(context));
    }
    return instruction.len > 0 ? instruction : member_text(reading, "text");
}

/* A number from 0 to 1, true or false. */
static bool read_score(struct row_reading *reading, uint32_t value, float *ret_score)
{
    int64_t scaled = 0;
    bool flag = false;
    if (json_bool(reading->doc, value, &flag)) {
        *ret_score = flag ? 1 : 0;
        return true;
    }
    if (!json_is(reading->doc, value, JSON_NUMBER) ||
        !json_scaled(reading->doc, value, SCORE_SCALE, &scaled) || scaled < 0 || scaled > 1000000) {
        reading->fault = "a score is true, false or a number from 0 to 1";
        return false;
    }
    *ret_score = (float)scaled / 1000000.0F;
    return true;
}

/* It is printed, and must fit into a head. */
static bool is_model_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7f) {
            return false;
        }
    }
    return name.len > 0 && name.len < WEIGHTS_NAME_SIZE;
}

static void put_outcome(struct row_reading *reading, struct slice model, float score)
{
    if (!is_model_name(model)) {
        reading->fault = "the name of a model has 1 to 95 bytes and no control characters";
        return;
    }
    uint32_t index = model_of(reading->outcomes, model);
    if (index == UINT32_MAX || reading->count == ROW_OUTCOMES_MAX) {
        reading->fault = "there are more models than the 32 that can be learned at once";
        _Static_assert(LEARN_MODELS_MAX == 32, "the number that is said");
        return;
    }
    reading->list[reading->count++] = (struct learn_outcome){.model = index, .score = score};
}

static void add_outcome(struct row_reading *reading, struct slice model, uint32_t value)
{
    float score;
    if (!json_is(reading->doc, value, JSON_NULL) && read_score(reading, value, &score)) {
        put_outcome(reading, model, score);
    }
}

/* An answer may stand there without a score: then the score is not known. */
static void set_answer(struct row_reading *reading, struct slice model, struct slice answer)
{
    uint32_t index = outcomes_model(reading->outcomes, model);
    size_t at = 0;
    while (at < reading->count && reading->list[at].model != index) {
        at++;
    }
    if (at == reading->count && answer.len > 0) {
        put_outcome(reading, model, -1);
    }
    if (at < reading->count) {
        reading->list[at].answer = answer;
    }
}

static void read_pair(struct row_reading *reading)
{
    static const struct {
        const char *model;
        const char *response;
    } pair[] = {{"weak", "weak_response"}, {"strong", "strong_response"}};
    for (size_t i = 0; i < ARRAY_LEN(pair); i++) {
        struct slice model = slice_from_cstr(pair[i].model);
        uint32_t value = json_member(reading->doc, JSON_ROOT, model);
        if (value != JSON_ABSENT) {
            add_outcome(reading, model, value);
        }
        set_answer(reading, model, member_text(reading, pair[i].response));
    }
}

static void read_scores(struct row_reading *reading)
{
    const struct json_doc *doc = reading->doc;
    struct arena *arena = &reading->outcomes->arena;
    uint32_t scores = json_member(doc, JSON_ROOT, SLICE("scores"));
    uint32_t answers = json_member(doc, JSON_ROOT, SLICE("answers"));
    if (json_is(doc, scores, JSON_OBJECT)) {
        for (uint32_t i = json_first(doc, scores); i != JSON_ABSENT;
             i = json_next(doc, scores, i)) {
            add_outcome(reading, json_string(doc, i, arena), i + 1);
        }
    }
    if (json_is(doc, answers, JSON_OBJECT)) {
        for (uint32_t i = json_first(doc, answers); i != JSON_ABSENT;
             i = json_next(doc, answers, i)) {
            set_answer(reading, json_string(doc, i, arena),
                       arena_copy(arena, json_string(doc, i + 1, arena)));
        }
    }
}

/* "Open QA", "open-qa": open_qa. */
static struct slice fold(struct slice name, char text[CATEGORY_MAX])
{
    size_t len = name.len < CATEGORY_MAX ? name.len : CATEGORY_MAX;
    for (size_t i = 0; i < len; i++) {
        char c = name.ptr[i];
        text[i] = c == ' ' || c == '-' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return slice_of(text, len);
}

/* Categories of databricks-dolly-15k and the like in our words. */
static bool task_of_category(struct slice name, enum task *ret_task)
{
    static const struct {
        struct slice name;
        enum task task;
    } categories[] = {
        {SLICE_INIT("information_extraction"), TASK_EXTRACTION},
        {SLICE_INIT("closed_qa"), TASK_QA_CLOSED},
        {SLICE_INIT("open_qa"), TASK_QA_OPEN},
        {SLICE_INIT("general_qa"), TASK_QA_OPEN},
        {SLICE_INIT("creative_writing"), TASK_GENERATION},
        {SLICE_INIT("text_generation"), TASK_GENERATION},
    };
    char text[CATEGORY_MAX];
    struct slice folded = fold(name, text);
    for (size_t i = 0; i < ARRAY_LEN(categories); i++) {
        if (slice_eq(folded, categories[i].name)) {
            *ret_task = categories[i].task;
            return true;
        }
    }
    return task_from_name(folded, ret_task);
}

/* A label that is not understood must not look like a row without one. */
static int read_task(struct row_reading *reading)
{
    struct outcomes *outcomes = reading->outcomes;
    struct slice category = member_name(reading, "category");
    enum task task;
    if (task_of_category(category, &task) ||
        task_of_category(member_text(reading, "task"), &task)) {
        return (int)task;
    }
    if (category.len > 0) {
        outcomes->unknown_category = outcomes->unknown_categories == 0 ? category
                                                                       : outcomes->unknown_category;
        outcomes->unknown_categories++;
    }
    return -1;
}

static uint64_t read_tag(struct row_reading *reading)
{
    static const char *const usual[] = {"tag", "subject", "task"};
    struct slice tag = reading->tag == NULL ? SLICE("") : member_name(reading, reading->tag);
    for (size_t i = 0; reading->tag == NULL && tag.len == 0 && i < ARRAY_LEN(usual); i++) {
        tag = member_name(reading, usual[i]);
    }
    reading->outcomes->tagged += tag.len > 0;
    return tag.len == 0 ? 0 : hash_stable(tag);
}

static struct slice read_id(struct row_reading *reading, size_t line)
{
    struct slice id = member_name(reading, "id");
    unsigned file = reading->outcomes->files + 1;
    if (id.len > 0) {
        return id;
    }
    return file == 1 ? arena_printf(&reading->outcomes->arena, "%zu", line)
                     : arena_printf(&reading->outcomes->arena, "%u:%zu", file, line);
}

/* --- rows --- */

static bool read_row(struct row_reading *reading, size_t line)
{
    struct outcomes *outcomes = reading->outcomes;
    struct learn_row row = {.task = -1, .prompt = read_prompt(reading)};
    struct slice id = read_id(reading, line);
    if (row.prompt.len == 0) {
        reading->fault = "there is no prompt";
        return false;
    }
    read_pair(reading);
    read_scores(reading);
    row.task = read_task(reading);
    row.id = hash_stable(id);
    row.tag = read_tag(reading);
    struct learn_outcome *list = arena_array(&outcomes->arena, reading->count + 1, sizeof(*list));
    if (list != NULL && reading->count > 0) {
        memcpy(list, reading->list, reading->count * sizeof(*list));
    }
    row.outcomes = list;
    row.outcome_count = reading->count;
    buf_append(&outcomes->rows, slice_of((const char *)&row, sizeof(row)));
    buf_append(&outcomes->ids, slice_of((const char *)&id, sizeof(id)));
    if (outcomes->rows.failed || outcomes->ids.failed || outcomes->arena.exhausted) {
        reading->fault = "there are more rows than memory, or than a million";
    }
    return reading->fault == NULL;
}

static bool read_line(struct outcomes *outcomes, struct json_doc *doc, struct slice line,
                      const char *tag, size_t number, const char **ret_fault)
{
    struct row_reading reading = {.outcomes = outcomes, .doc = doc, .tag = tag};
    if (line.len > OUTCOMES_LINE_MAX) {
        *ret_fault = "the line is longer than 16 MiB";
        return false;
    }
    if (!utf8_valid(line)) {
        *ret_fault = "this is not UTF-8";
        return false;
    }
    if (!json_parse(doc, line, NULL, NULL) || !json_is(doc, JSON_ROOT, JSON_OBJECT)) {
        *ret_fault = "this is no JSON object";
        return false;
    }
    bool read = read_row(&reading, number);
    *ret_fault = reading.fault;
    return read;
}

bool outcomes_read_text(struct outcomes *outcomes, struct slice text, const char *name,
                        const char *tag, struct error *error)
{
    struct json_doc doc;
    const char *fault = NULL;
    size_t number = 0;
    bool read = true;
    if (slice_starts(text, SLICE("\xef\xbb\xbf"))) { /* a byte order mark */
        text = slice_from(text, 3);
    }
    json_doc_init(&doc);
    while (read && text.len > 0) {
        struct slice line = slice_trim(slice_cut(&text, '\n'));
        number++;
        if (line.len > 0 && !read_line(outcomes, &doc, line, tag, number, &fault)) {
            read = error_set(error, ERROR_INVALID, "bad_row", "%s:%zu: %s", name, number, fault);
        }
    }
    json_doc_release(&doc);
    outcomes->files++;
    return read;
}

bool outcomes_read(struct outcomes *outcomes, const char *path, const char *tag,
                   struct error *error)
{
    struct buf text = BUF_INIT(OUTCOMES_FILE_MAX);
    bool read = read_input(path, &text, error) &&
                outcomes_read_text(outcomes, buf_slice(&text), path, tag, error);
    buf_release(&text);
    return read;
}

void outcomes_add_model(struct outcomes *outcomes, struct slice name)
{
    (void)model_of(outcomes, name); /* where there are too many, it is none of them */
}

void outcomes_finish(struct outcomes *outcomes)
{
    struct slice rows = buf_slice(&outcomes->rows);
    outcomes->set.rows = (const struct learn_row *)(const void *)rows.ptr;
    outcomes->set.count = rows.len / sizeof(struct learn_row);
    outcomes->set.models = outcomes->models;
    outcomes->named = outcomes->set.model_count;
    outcomes->names = (struct slice *)(void *)outcomes->ids.ptr;
}

void outcomes_say_unknown(const struct outcomes *outcomes, const char *command)
{
    struct slice name = outcomes->unknown_category;
    if (outcomes->unknown_categories > 0) {
        say("sluice %s: %zu rows have a category that is no task and is not read, as \"%.*s\"",
            command, outcomes->unknown_categories, (int)(name.len < 60 ? name.len : 60), name.ptr);
    }
}

bool outcomes_have_tags(const struct outcomes *outcomes)
{
    return outcomes->tagged > 0;
}

bool outcomes_have_answers(const struct outcomes *outcomes, uint32_t model)
{
    for (size_t i = 0; i < outcomes->set.count; i++) {
        const struct learn_row *row = &outcomes->set.rows[i];
        for (size_t k = 0; k < row->outcome_count; k++) {
            if (row->outcomes[k].model == model && row->outcomes[k].answer.len > 0) {
                return true;
            }
        }
    }
    return false;
}

bool outcomes_load(struct outcomes *outcomes, const struct arguments *arguments,
                   struct error *error)
{
    bool read = true;
    outcomes_init(outcomes);
    for (size_t i = 0; read && i < arguments->word_count; i++) {
        read =
            outcomes_read(outcomes, arguments->words[i], arguments_value(arguments, "tag"), error);
    }
    outcomes_finish(outcomes);
    return read;
}
