/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/dialect.h"

/* A dialect with a mark stands before those that have the same paths without it. */
static const struct sim_dialect *const dialects_table[] = {
    &sim_anthropic, &sim_gemini,  &sim_openai, &sim_responses,
    &sim_ollama,    &sim_bedrock, &sim_vertex,
};

unsigned sim_dialect_flag(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(dialects_table); i++) {
        if (slice_eq(dialects_table[i]->name, slice_from_cstr(name))) {
            return dialects_table[i]->flag;
        }
    }
    return 0;
}

/* Providers hang their paths under /v1, /api/v1 (OpenRouter), /openai/v1 (Groq), /v1beta (Gemini),
   /openai (Azure) or nothing; Vertex has a project before "/publishers/". */
static struct slice without_base(struct slice path)
{
    static const struct slice bases[] = {SLICE_INIT("/api/v1"), SLICE_INIT("/openai/v1"),
                                         SLICE_INIT("/v1beta"), SLICE_INIT("/v1"),
                                         SLICE_INIT("/openai")};
    static const struct slice publishers = SLICE_INIT("/publishers/");
    size_t publisher = slice_find_slice(path, publishers);

    if (publisher != SIZE_MAX) {
        return slice_from(path, publisher);
    }
    for (size_t i = 0; i < ARRAY_LEN(bases); i++) {
        struct slice rest = slice_from(path, bases[i].len);
        if (slice_starts(path, bases[i]) && rest.len > 0 && rest.ptr[0] == '/') {
            return rest;
        }
    }
    return path;
}

/* Does the path fit the pattern, in which a '*' stands for something that is not empty? */
static bool path_fits(struct slice path, struct slice pattern, struct slice *ret_name)
{
    size_t star = slice_find(pattern, '*');

    *ret_name = SLICE_EMPTY;
    if (star == SIZE_MAX) {
        return slice_eq(path, pattern);
    }
    struct slice before = slice_of(pattern.ptr, star);
    struct slice after = slice_from(pattern, star + 1);
    if (path.len <= before.len + after.len || !slice_starts(path, before) ||
        !slice_ends(path, after)) {
        return false;
    }
    *ret_name = slice_of(path.ptr + before.len, path.len - before.len - after.len);
    return true;
}

bool sim_access_by_key(const struct sim_access *access)
{
    static const struct slice headers[] = {SLICE_INIT("x-api-key"), SLICE_INIT("api-key"),
                                           SLICE_INIT("x-goog-api-key")};
    const struct sim_request *request = access->request;
    struct slice key = slice_from_cstr(access->profile->api_key);
    struct slice bearer = sim_request_header(request, SLICE("authorization"));

    if (access->profile->api_key == NULL) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) { /* they win over the other one */
        struct slice value = sim_request_header(request, headers[i]);
        if (value.len > 0) {
            return slice_eq(value, key);
        }
    }
    if (slice_starts(request->query, SLICE("key="))) { /* Gemini's */
        struct slice query = slice_from(request->query, 4);
        return slice_eq(slice_cut(&query, '&'), key);
    }
    return bearer.len > 7 && slice_eq_nocase(slice_of(bearer.ptr, 7), SLICE("bearer ")) &&
           slice_eq(slice_from(bearer, 7), key);
}

bool sim_answer_raw(unsigned dialects, const struct sim_access *access, struct sim_reply *reply)
{
    for (size_t i = 0; i < ARRAY_LEN(dialects_table); i++) {
        const struct sim_dialect *dialect = dialects_table[i];
        if ((dialects == 0 || (dialects & dialect->flag) != 0) && dialect->raw != NULL &&
            dialect->raw(access, reply)) {
            return true;
        }
    }
    return false;
}

const struct sim_endpoint *sim_endpoint_find(unsigned dialects, const struct sim_request *request,
                                             const struct sim_dialect **ret_dialect,
                                             struct slice *ret_name)
{
    struct slice path = without_base(request->path);

    for (size_t i = 0; i < ARRAY_LEN(dialects_table); i++) {
        const struct sim_dialect *dialect = dialects_table[i];
        bool spoken = dialects == 0 || (dialects & dialect->flag) != 0;
        bool marked =
            dialect->mark.len == 0 || sim_request_header(request, dialect->mark).ptr != NULL;
        for (size_t j = 0; spoken && j < dialect->endpoint_count; j++) {
            const struct sim_endpoint *endpoint = &dialect->endpoints[j];
            if (slice_eq(endpoint->method, request->method) && (marked || endpoint->list == NULL) &&
                path_fits(path, endpoint->path, ret_name)) {
                *ret_dialect = dialect;
                return endpoint;
            }
        }
    }
    return NULL;
}
