/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/calibration_json.h"

#include "codec/json_write.h"

/* A share or an error, as a fraction; null where there was nothing to compare. */
static void member_permille(struct json_writer *w, struct slice name, int64_t permille)
{
    if (permille == CALIBRATION_UNKNOWN) {
        json_key(w, name);
        json_write_null(w);
    } else {
        json_member_scaled(w, name, permille, 3);
    }
}

static void write_members(struct json_writer *w, const struct calibration_row *row)
{
    json_member_int(w, SLICE("attempts"), row->attempts);
    member_permille(w, SLICE("within_p90"),
                    row->attempts == 0 ? CALIBRATION_UNKNOWN : row->within * 1000 / row->attempts);
    member_permille(w, SLICE("output_error"), row->output_error);
    member_permille(w, SLICE("output_bias"), row->output_bias);
    member_permille(w, SLICE("input_bias"), row->input_bias);
    member_permille(w, SLICE("cost_error"), row->cost_error);
    member_permille(w, SLICE("cost_bias"), row->cost_bias);
    json_member_int(w, SLICE("latencies"), row->latencies);
    member_permille(w, SLICE("latency_error"), row->latency_error);
    member_permille(w, SLICE("latency_bias"), row->latency_bias);
}

void json_write_calibration(const struct calibration *report, int64_t since_s, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.calibration/1"));
    json_member_int(&w, SLICE("since"), since_s);
    json_key(&w, SLICE("rows"));
    json_begin_array(&w);
    for (size_t i = 0; i < report->count; i++) {
        const struct calibration_row *row = &report->rows[i];
        json_begin_object(&w);
        json_member_string(&w, SLICE("target"), slice_from_cstr(row->target));
        if (row->task[0] != '\0') {
            json_member_string(&w, SLICE("task"), slice_from_cstr(row->task));
        }
        write_members(&w, row);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_key(&w, SLICE("total"));
    json_begin_object(&w);
    write_members(&w, &report->total);
    json_end_object(&w);
    json_end_object(&w);
}
