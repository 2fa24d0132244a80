/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/record.h"

#include "base/clock.h"
#include "base/memory.h"
#include "codec/json_write.h"
#include "sim/request.h"

#define SHOWN_CHARACTERS 4
#define SHORT_CREDENTIAL 8 /* of fewer characters none is shown */

const struct slice sim_counter_names[SIM_COUNTERS] = {
    [SIM_COUNT_REQUESTS] = SLICE_INIT("requests"),
    [SIM_COUNT_ANSWERED] = SLICE_INIT("answered"),
    [SIM_COUNT_ABORTED] = SLICE_INIT("aborted"),
    [SIM_COUNT_CUT] = SLICE_INIT("cut"),
    [SIM_COUNT_MALFORMED] = SLICE_INIT("malformed"),
    [SIM_COUNT_CONNECTIONS] = SLICE_INIT("connections"),
    [SIM_COUNT_CLOSED] = SLICE_INIT("closed"),
    [SIM_COUNT_REFUSED] = SLICE_INIT("refused"),
};

bool sim_record_init(struct sim_record *record, size_t requests, size_t bytes)
{
    *record = (struct sim_record){.cap = requests == 0 ? SIM_RECORD_REQUESTS : requests,
                                  .bytes_max = bytes == 0 ? SIM_RECORD_BYTES : bytes};
    record->entries = memory_array(record->cap, sizeof(*record->entries));
    return record->entries != NULL;
}

static void drop_oldest(struct sim_record *record)
{
    struct sim_entry *entry = &record->entries[record->first];

    record->bytes -= entry->head.len + entry->body.len;
    memory_free((void *)(uintptr_t)entry->head.ptr); /* the body lies behind it */
    record->first = (record->first + 1) % record->cap;
    record->count--;
}

void sim_record_forget(struct sim_record *record)
{
    uint64_t open = record->counters[SIM_COUNT_CONNECTIONS] - record->counters[SIM_COUNT_CLOSED];

    while (record->count > 0) {
        drop_oldest(record);
    }
    for (size_t i = 0; i < record->model_count; i++) {
        memory_free(record->models[i].name);
    }
    record->model_count = 0;
    memset(record->counters, 0, sizeof(record->counters));
    record->counters[SIM_COUNT_CONNECTIONS] = open;
}

void sim_record_release(struct sim_record *record)
{
    if (record->entries != NULL) {
        sim_record_forget(record);
    }
    memory_free(record->entries);
    record->entries = NULL;
}

static void count_model(struct sim_record *record, struct slice model)
{
    for (size_t i = 0; i < record->model_count; i++) {
        if (slice_eq(slice_from_cstr(record->models[i].name), model)) {
            record->models[i].requests++;
            return;
        }
    }
    if (record->model_count == SIM_MODELS_MAX) {
        return;
    }
    char *name = memory_alloc(model.len + 1);
    if (name != NULL) {
        slice_to_cstr(model, name, model.len + 1);
        record->models[record->model_count++] = (struct sim_model_count){name, 1};
    }
}

uint64_t sim_record_add(struct sim_record *record, const struct sim_entry *entry,
                        struct slice model)
{
    size_t bytes = entry->head.len + entry->body.len;

    record->counters[SIM_COUNT_REQUESTS]++;
    record->number++;
    count_model(record, model);
    if (bytes > record->bytes_max) {
        return record->number;
    }
    while (record->count == record->cap || record->bytes + bytes > record->bytes_max) {
        drop_oldest(record);
    }
    char *copy = memory_alloc(bytes + 1);
    if (copy == NULL) {
        return record->number;
    }
    memcpy(copy, entry->head.ptr, entry->head.len);
    if (entry->body.len > 0) {
        memcpy(copy + entry->head.len, entry->body.ptr, entry->body.len);
    }
    struct sim_entry *kept = &record->entries[(record->first + record->count++) % record->cap];
    *kept = *entry;
    kept->number = record->number;
    kept->head.ptr = copy;
    kept->body.ptr = copy + entry->head.len;
    record->bytes += bytes;
    return record->number;
}

const struct sim_entry *sim_record_find(const struct sim_record *record, uint64_t number)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct sim_entry *entry = &record->entries[(record->first + i) % record->cap];
        if (entry->number == number) {
            return entry;
        }
    }
    return NULL;
}

void sim_record_result(struct sim_record *record, uint64_t number, enum sim_result result)
{
    static const enum sim_counter counters[] = {
        [SIM_RESULT_ANSWERED] = SIM_COUNT_ANSWERED,
        [SIM_RESULT_ABORTED] = SIM_COUNT_ABORTED,
        [SIM_RESULT_CUT] = SIM_COUNT_CUT,
    };
    struct sim_entry *entry = (struct sim_entry *)(uintptr_t)sim_record_find(record, number);

    record->counters[counters[result]]++;
    if (entry != NULL) {
        entry->result = result;
    }
}

/* --- as JSON --- */

static bool is_secret(struct slice name)
{
    static const struct slice names[] = {
        SLICE_INIT("authorization"), SLICE_INIT("proxy-authorization"),
        SLICE_INIT("x-api-key"),     SLICE_INIT("x-goog-api-key"),
        SLICE_INIT("api-key"),       SLICE_INIT("cookie"),
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* "Bearer sk-1234567890" becomes "Bearer ****7890". */
static void append_masked(struct buf *out, struct slice value)
{
    size_t space = slice_find(value, ' ');

    if (space != SIZE_MAX) {
        buf_append(out, slice_of(value.ptr, space + 1));
        value = slice_from(value, space + 1);
    }
    buf_append(out, SLICE("****"));
    if (value.len >= SHORT_CREDENTIAL) {
        buf_append(out, slice_from(value, value.len - SHOWN_CHARACTERS));
    }
}

static void append_target(struct buf *out, struct slice target)
{
    size_t at = slice_find_slice(target, SLICE("key="));

    if (at == SIZE_MAX) {
        buf_append(out, target);
        return;
    }
    buf_append(out, slice_of(target.ptr, at + 4));
    target = slice_from(target, at + 4);
    size_t end = slice_find(target, '&');
    end = end == SIZE_MAX ? target.len : end;
    append_masked(out, slice_of(target.ptr, end));
    buf_append(out, slice_from(target, end));
}

/* Names as they came, in their order, one array of two for each line. */
static void write_headers(struct slice fields, struct json_writer *w, struct buf *masked)
{
    struct slice name;
    struct slice value;

    json_key(w, SLICE("headers"));
    json_begin_array(w);
    while (sim_request_field(&fields, &name, &value)) {
        json_begin_array(w);
        json_write_string(w, name);
        buf_clear(masked);
        if (is_secret(name)) {
            append_masked(masked, value);
            value = buf_slice(masked);
        }
        json_write_string(w, value);
        json_end_array(w);
    }
    json_end_array(w);
}

static void write_entry(const struct sim_entry *entry, struct json_writer *w)
{
    static const struct slice results[] = {
        [SIM_RESULT_OPEN] = SLICE_INIT("open"),
        [SIM_RESULT_ANSWERED] = SLICE_INIT("answered"),
        [SIM_RESULT_ABORTED] = SLICE_INIT("aborted"),
        [SIM_RESULT_CUT] = SLICE_INIT("cut"),
    };
    struct buf masked = BUF_INIT(SIM_HEAD_MAX);
    struct slice fields = entry->head;
    struct slice line = slice_trim(slice_cut(&fields, '\n'));
    struct slice method = slice_cut(&line, ' ');

    json_begin_object(w);
    json_member_int(w, SLICE("number"), (int64_t)entry->number);
    json_member_int(w, SLICE("connection"), (int64_t)entry->connection);
    json_member_int(w, SLICE("at_us"), entry->at_ns / NS_PER_US);
    json_member_string(w, SLICE("result"), results[entry->result]);
    json_member_string(w, SLICE("method"), method);
    append_target(&masked, slice_cut(&line, ' '));
    json_member_string(w, SLICE("target"), buf_slice(&masked));
    write_headers(fields, w, &masked);
    json_member_string(w, SLICE("body"), entry->body);
    json_end_object(w);
    buf_release(&masked);
}

void sim_record_write(const struct sim_record *record, uint64_t from, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_key(&w, SLICE("requests"));
    json_begin_array(&w);
    for (size_t i = 0; i < record->count; i++) {
        const struct sim_entry *entry = &record->entries[(record->first + i) % record->cap];
        if (entry->number >= from) {
            write_entry(entry, &w);
        }
    }
    json_end_array(&w);
    json_end_object(&w);
}

void sim_record_write_stats(const struct sim_record *record, struct slice name, struct buf *out)
{
    struct json_writer w;

    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("name"), name);
    for (size_t i = 0; i < SIM_COUNTERS; i++) {
        json_member_int(&w, sim_counter_names[i], (int64_t)record->counters[i]);
    }
    json_member_int(
        &w, SLICE("open"),
        (int64_t)(record->counters[SIM_COUNT_CONNECTIONS] - record->counters[SIM_COUNT_CLOSED]));
    json_key(&w, SLICE("models"));
    json_begin_object(&w);
    struct buf key = BUF_INIT((size_t)64 * 1024);
    for (size_t i = 0; i < record->model_count; i++) {
        buf_clear(&key);
        json_escape(slice_from_cstr(record->models[i].name), &key);
        json_member_int(&w, buf_slice(&key), (int64_t)record->models[i].requests);
    }
    buf_release(&key);
    json_end_object(&w);
    json_end_object(&w);
}
