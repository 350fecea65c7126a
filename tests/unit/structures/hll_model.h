/* HyperLogLogs against an array of registers. */
#ifndef TEST_HLL_MODEL_H
#define TEST_HLL_MODEL_H

#include "base/random.h"
#include "structures/hyperloglog.h"
#include <criterion/criterion.h>
#include <string.h>

static struct hll_edit edit;

/* The registers of a string, which must be valid. */
static inline void expect_registers(struct bytes string, const uint8_t *model)
{
    static uint8_t registers[HLL_REGISTERS];
    memset(registers, 0, sizeof(registers));
    cr_assert(hll_recognize(string));
    cr_assert(hll_merge(registers, string));
    cr_assert_arr_eq(registers, model, HLL_REGISTERS);
    uint64_t estimate;
    cr_assert(hll_estimate(string, &estimate));
    cr_assert_eq(estimate, hll_estimate_registers(model));
}

#endif
