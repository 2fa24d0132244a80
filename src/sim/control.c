/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths under /sim/, for the tests that drive a simulated provider.
 */
#include "codec/json_write.h"
#include "sim/frame.h"
#include "sim/server.h"

#define CONTROL_BYTES_MAX ((size_t)64 << 20)

static const struct sim_behaviours none;

/* --- answers --- */

static struct sim_script *script_of(int status, struct slice type, struct slice body)
{
    const struct sim_frame_request framing = {.keep_alive = true};
    struct sim_reply reply;

    sim_reply_init(&reply, &none);
    reply.status = status;
    reply.content_type = type;
    sim_reply_begin(&reply);
    buf_append(&reply.body, body);
    sim_reply_end(&reply, 0);
    struct sim_script *script = sim_frame(&reply, &framing);
    sim_reply_release(&reply);
    return script;
}

static void answer(struct sim_connection *connection, int status, struct slice body)
{
    sim_connection_play(connection, script_of(status, SLICE("application/json"), body));
}

static void refuse(struct sim_connection *connection, int status, struct slice text)
{
    sim_connection_play(connection, script_of(status, SLICE("text/plain"), text));
}

struct sim_script *sim_control_stats(struct sim_server *server, int status)
{
    struct buf out = BUF_INIT(CONTROL_BYTES_MAX);

    sim_record_write_stats(
        &server->record,
        slice_from_cstr(server->profile->name == NULL ? "simulated" : server->profile->name), &out);
    struct sim_script *script = script_of(status, SLICE("application/json"), buf_slice(&out));
    buf_release(&out);
    return script;
}

static void answer_table(struct sim_connection *connection)
{
    struct buf out = BUF_INIT(CONTROL_BYTES_MAX);
    struct json_writer w;

    json_writer_init(&w, &out);
    json_begin_array(&w);
    for (size_t i = 0; i < SIM_BEHAVIOURS; i++) {
        const struct sim_behaviour_row *row = &sim_behaviour_rows[i];
        json_begin_object(&w);
        json_member_string(&w, SLICE("name"), row->name);
        if (row->number != NULL) {
            json_member_string(&w, SLICE("number"), slice_from_cstr(row->number));
            json_member_int(&w, SLICE("default"), row->fallback);
        }
        json_member_string(&w, SLICE("help"), slice_from_cstr(row->help));
        json_end_object(&w);
    }
    json_end_array(&w);
    answer(connection, 200, buf_slice(&out));
    buf_release(&out);
}

/* --- requests --- */

/* The number after `name=` in the query, or `otherwise`. */
static uint64_t query_number(struct slice query, struct slice name, uint64_t otherwise)
{
    uint64_t number = 0;

    while (query.len > 0) {
        struct slice value = slice_cut(&query, '&');
        struct slice found = slice_cut(&value, '=');
        if (slice_eq(found, name) && slice_to_u64(value, &number)) {
            return number;
        }
    }
    return otherwise;
}

static void answer_requests(struct sim_connection *connection, const struct sim_request *request)
{
    struct buf out = BUF_INIT(CONTROL_BYTES_MAX);

    sim_record_write(&connection->server->record, query_number(request->query, SLICE("from"), 0),
                     &out);
    if (out.failed) {
        refuse(connection, 500, SLICE("the requests are too large together\n"));
    } else {
        answer(connection, 200, buf_slice(&out));
    }
    buf_release(&out);
}

/* /sim/requests/N/body */
static void answer_body(struct sim_connection *connection, struct slice rest)
{
    uint64_t number = 0;
    struct slice text = slice_cut(&rest, '/');
    const struct sim_entry *entry = NULL;

    if (slice_to_u64(text, &number) && slice_eq(rest, SLICE("body"))) {
        entry = sim_record_find(&connection->server->record, number);
    }
    if (entry == NULL) {
        refuse(connection, 404, SLICE("no such request\n"));
        return;
    }
    sim_connection_play(connection, script_of(200, SLICE("application/octet-stream"), entry->body));
}

static void answer_account(struct sim_connection *connection, const struct sim_request *request)
{
    struct buf out = BUF_INIT(CONTROL_BYTES_MAX);

    if (sim_google_account(&connection->server->provider.google,
                           sim_request_header(request, SLICE("host")), &out)) {
        answer(connection, 200, buf_slice(&out));
    } else {
        refuse(connection, 500, SLICE("no key could be made\n"));
    }
    buf_release(&out);
}

static void forget(struct sim_connection *connection)
{
    sim_record_forget(&connection->server->record);
    sim_provider_forget(&connection->server->provider);
    answer(connection, 200, SLICE("{}"));
}

static void set_behaviour(struct sim_connection *connection, struct slice chain)
{
    struct sim_behaviours set = {0};

    if (!sim_behaviours_add(&set, slice_trim(chain))) {
        refuse(connection, 400, SLICE("unknown behaviour\n"));
        return;
    }
    connection->server->provider.standing = set;
    answer(connection, 200, SLICE("{}"));
}

static void begin_wait(struct sim_connection *connection, const struct sim_request *request)
{
    uint64_t timeout_ms = query_number(request->query, SLICE("timeout_ms"), SIM_WAIT_DEFAULT_MS);

    for (size_t i = 0; i < SIM_COUNTERS; i++) {
        connection->wait.least[i] = query_number(request->query, sim_counter_names[i], 0);
    }
    if (sim_wait_over(connection)) {
        sim_connection_play(connection, sim_control_stats(connection->server, 200));
        return;
    }
    connection->state = SIM_WAITING;
    connection->server->waiting++;
    deadline_set(&connection->timer, timeout_ms);
}

bool sim_wait_over(const struct sim_connection *connection)
{
    for (size_t i = 0; i < SIM_COUNTERS; i++) {
        if (connection->server->record.counters[i] < connection->wait.least[i]) {
            return false;
        }
    }
    return true;
}

void sim_control(struct sim_connection *connection, const struct sim_request *request,
                 struct slice body)
{
    static const struct slice one = SLICE_INIT("/sim/requests/");
    bool get = slice_eq(request->method, SLICE("GET"));

    if (get && slice_eq(request->path, SLICE("/sim/requests"))) {
        answer_requests(connection, request);
    } else if (get && slice_starts(request->path, one)) {
        answer_body(connection, slice_from(request->path, one.len));
    } else if (get && slice_eq(request->path, SLICE("/sim/stats"))) {
        sim_connection_play(connection, sim_control_stats(connection->server, 200));
    } else if (get && slice_eq(request->path, SLICE("/sim/wait"))) {
        begin_wait(connection, request);
    } else if (get && slice_eq(request->path, SLICE("/sim/service-account"))) {
        answer_account(connection, request);
    } else if (get && slice_eq(request->path, SLICE("/sim/behaviours"))) {
        answer_table(connection);
    } else if (slice_eq(request->method, SLICE("DELETE")) &&
               slice_eq(request->path, SLICE("/sim/requests"))) {
        forget(connection);
    } else if (slice_eq(request->method, SLICE("PUT")) &&
               slice_eq(request->path, SLICE("/sim/behaviour"))) {
        set_behaviour(connection, body);
    } else {
        refuse(connection, 404, SLICE("no such path\n"));
    }
}
