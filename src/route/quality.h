/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good a router's scores are, on rows whose outcomes are known. PGR at a share of strong calls
 * is the part of the gap between always-weak and always-strong that is won when the rows with the
 * highest scores go to the strong model; APGR is its mean over shares 0, 0.1 ... 1 (trapezoid);
 * CPT(x) is the share of strong calls that wins x of the gap. Ties go by id. Pure; deterministic.
 *
 * Ong et al., "RouteLLM: Learning to Route LLMs with Preference Data", 2024.
 */
#ifndef SLUICE_ROUTE_QUALITY_H
#define SLUICE_ROUTE_QUALITY_H

#include "base/error.h"
#include "base/slice.h"

#define QUALITY_POINTS 11u
#define QUALITY_RESAMPLES 1000u

/* Of 1,000 resamples of the rows, each with all that is known of it, all but the highest and the
 * lowest 2.5 %. NAN: no resample has such a figure. */
struct interval {
    double low;
    double high;
};

/* A figure of rows of which row i stands `times[i]` times; NAN: there is none. */
typedef double (*quality_figure)(const uint32_t *times, size_t count, const void *context);

/* False: "no_memory". The same draws for the same count: figures of the same rows are paired. */
MUST_USE bool quality_interval(size_t count, quality_figure figure, const void *context,
                               struct interval *ret_interval, struct error *error);

struct quality_row {
    double score; /* the higher, the more it is worth the strong model */
    double weak;  /* how well each did, 0..1 */
    double strong;
    uint64_t id;
    bool takes_strong; /* was chosen */
};

struct quality {
    size_t rows;
    double weak; /* averages */
    double strong;
    double oracle;                /* the better of both on each row */
    double chosen;                /* what takes_strong chose */
    double chosen_share;          /* of strong calls */
    double curve[QUALITY_POINTS]; /* average quality at shares 0, 0.1 ... 1 */
    double apgr;                  /* NAN when the strong one is not better */
    double apgr_all;              /* over every share there is */
    double cpt50;                 /* shares; NAN: never reached */
    double cpt80;
    struct interval weak_interval;
    struct interval strong_interval;
    struct interval oracle_interval;
    struct interval chosen_interval;
    struct interval chosen_share_interval;
    struct interval apgr_interval;
    struct interval apgr_all_interval;
    struct interval cpt50_interval;
    struct interval cpt80_interval;
};

/* Sorts the rows. False: "no_memory". */
MUST_USE bool quality_measure(struct quality_row *rows, size_t count, struct quality *ret_quality,
                              struct error *error);
/* How much more APGR the first scores have than the second ones, of the same rows (both measured:
 * sorted), with the interval of that. */
MUST_USE bool quality_compare(const struct quality_row *rows, const struct quality_row *others,
                              size_t count, double *ret_more, struct interval *ret_interval,
                              struct error *error);

/* Of one task among others. */
struct task_counts {
    uint32_t right;
    uint32_t missed;  /* it was another one by our word */
    uint32_t claimed; /* it was another one by the label */
};
/* Mean of the F1 of the tasks that occur. */
double quality_macro_f1(const struct task_counts *counts, size_t count);

#endif
