/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/request.h"

struct state {
    struct sim_request *request;
    unsigned hosts;
    unsigned lengths;
};

static bool bad(struct sim_request *request, const char *problem)
{
    request->problem = problem;
    return false;
}

static bool read_first_line(struct sim_request *request, struct slice line)
{
    request->method = slice_cut(&line, ' ');
    request->target = slice_cut(&line, ' ');
    request->http10 = slice_eq(line, SLICE("HTTP/1.0"));
    request->keep_alive = !request->http10;
    if (request->method.len == 0 || request->target.len == 0 || request->target.ptr[0] != '/') {
        return bad(request, "the request line is not METHOD /target HTTP/1.1");
    }
    if (!request->http10 && !slice_eq(line, SLICE("HTTP/1.1"))) {
        return bad(request, "the version is not HTTP/1.1");
    }
    request->query = request->target;
    request->path = slice_cut(&request->query, '?');
    return true;
}

static bool read_length(struct state *state, struct slice value)
{
    uint64_t length = 0;

    if (state->lengths++ > 0) {
        return bad(state->request, "more than one Content-Length");
    }
    if (!slice_to_u64(value, &length) || length > SIM_REQUEST_BODY_MAX) {
        return bad(state->request, "Content-Length is no length");
    }
    state->request->content_length = length;
    return true;
}

/* The fields that decide about the framing. */
static bool read_field(struct state *state, struct slice name, struct slice value)
{
    struct sim_request *request = state->request;

    switch (name.ptr[0] | 0x20) {
    case 'c':
        if (slice_eq_nocase(name, SLICE("content-length"))) {
            return read_length(state, slice_trim(value));
        }
        if (slice_eq_nocase(name, SLICE("connection"))) {
            value = slice_trim(value);
            request->keep_alive = request->http10 ? slice_eq_nocase(value, SLICE("keep-alive"))
                                                  : !slice_eq_nocase(value, SLICE("close"));
        }
        return true;
    case 'e':
        request->expects_continue |= slice_eq_nocase(name, SLICE("expect")) &&
                                     slice_eq_nocase(slice_trim(value), SLICE("100-continue"));
        return true;
    case 'h':
        state->hosts += slice_eq_nocase(name, SLICE("host"));
        return state->hosts <= 1 || bad(request, "more than one Host");
    case 't':
        if (slice_eq_nocase(name, SLICE("transfer-encoding"))) {
            if (request->chunked || !slice_eq_nocase(slice_trim(value), SLICE("chunked"))) {
                return bad(request, "Transfer-Encoding is not chunked, once");
            }
            request->chunked = true;
        }
        return true;
    default:
        return true;
    }
}

bool sim_request_field(struct slice *fields, struct slice *ret_name, struct slice *ret_value)
{
    if (fields->len == 0) {
        return false;
    }
    *ret_value = slice_cut(fields, '\n');
    *ret_name = slice_cut(ret_value, ':');
    *ret_value = slice_trim(*ret_value);
    return true;
}

/* One line with its CR LF checked, taken off *rest. */
static enum sim_head take_line(struct sim_request *request, struct slice *rest,
                               struct slice *ret_line)
{
    const char *end = memchr(rest->ptr, '\r', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);

    if (memchr(rest->ptr, '\n', len) != NULL) {
        (void)bad(request, "a LF without CR");
        return SIM_HEAD_BAD;
    }
    if (end == NULL || len + 1 == rest->len) {
        return SIM_HEAD_MORE;
    }
    if (end[1] != '\n') {
        (void)bad(request, "a CR without LF");
        return SIM_HEAD_BAD;
    }
    *ret_line = slice_of(rest->ptr, len);
    *rest = slice_of(end + 2, rest->len - len - 2);
    return SIM_HEAD_DONE;
}

static bool read_line(struct state *state, struct slice line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    size_t len = colon == NULL ? 0 : (size_t)(colon - line.ptr);

    if (len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t' || line.ptr[len - 1] == ' ' ||
        line.ptr[len - 1] == '\t') {
        return bad(state->request, "a header line that is no name: value");
    }
    return read_field(state, slice_of(line.ptr, len), slice_of(colon + 1, line.len - len - 1));
}

/* Is the whole head sound, after its lines are? */
static bool check_head(const struct state *state)
{
    struct sim_request *request = state->request;

    if (state->hosts == 0 && !request->http10) {
        return bad(request, "no Host");
    }
    return !(request->chunked && state->lengths > 0) ||
           bad(request, "Content-Length beside Transfer-Encoding");
}

static enum sim_head read_head(struct sim_request *request, struct slice bytes)
{
    struct state state = {.request = request};
    struct slice rest = bytes;
    struct slice line;
    enum sim_head status = take_line(request, &rest, &line);

    if (status != SIM_HEAD_DONE) {
        return status;
    }
    if (!read_first_line(request, line)) {
        return SIM_HEAD_BAD;
    }
    const char *fields = rest.ptr;
    while ((status = take_line(request, &rest, &line)) == SIM_HEAD_DONE && line.len > 0) {
        if (!read_line(&state, line)) {
            return SIM_HEAD_BAD;
        }
    }
    if (status != SIM_HEAD_DONE) {
        return status;
    }
    request->fields = slice_of(fields, (size_t)(line.ptr - fields));
    request->head_len = (size_t)(rest.ptr - bytes.ptr);
    return check_head(&state) ? SIM_HEAD_DONE : SIM_HEAD_BAD;
}

enum sim_head sim_request_read(struct slice bytes, struct sim_request *request)
{
    *request = (struct sim_request){.head_len = 0};
    enum sim_head status = read_head(request, bytes);

    if (status == SIM_HEAD_MORE && bytes.len > SIM_HEAD_MAX) {
        (void)bad(request, "the head is too long");
        return SIM_HEAD_BAD;
    }
    return status;
}

struct slice sim_request_header(const struct sim_request *request, struct slice name)
{
    struct slice fields = request->fields;
    struct slice found;
    struct slice value;

    while (sim_request_field(&fields, &found, &value)) {
        if (slice_eq_nocase(found, name)) {
            return value;
        }
    }
    return SLICE_EMPTY;
}
