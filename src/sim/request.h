/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the head of a request from bytes, strictly (RFC 9112): a gateway that sends something
 * ambiguous shall be seen doing it. Small and quick, because the simulated provider is also the
 * fast upstream of benchmarks.
 */
#ifndef SLUICE_SIM_REQUEST_H
#define SLUICE_SIM_REQUEST_H

#include "base/slice.h"

#define SIM_HEAD_MAX ((size_t)64 * 1024)
#define SIM_REQUEST_BODY_MAX ((uint64_t)256 << 20)

enum sim_head {
    SIM_HEAD_MORE,
    SIM_HEAD_DONE,
    SIM_HEAD_BAD,
};

struct sim_request {
    struct slice method;
    struct slice target;
    struct slice path; /* of the target */
    struct slice query;
    struct slice fields; /* the header lines, each with its CR LF */
    size_t head_len;     /* with the blank line */
    uint64_t content_length;
    bool chunked;
    bool keep_alive;
    bool http10;
    bool expects_continue;
    const char *problem; /* after SIM_HEAD_BAD: why, a literal */
};

/* Slices point into `bytes`. */
enum sim_head sim_request_read(struct slice bytes, struct sim_request *request);
/* The next header line: cuts it off *fields; false at the end. */
bool sim_request_field(struct slice *fields, struct slice *ret_name, struct slice *ret_value);
/* The first header with this name (case ignored), or the empty slice. */
struct slice sim_request_header(const struct sim_request *request, struct slice name);

#endif
