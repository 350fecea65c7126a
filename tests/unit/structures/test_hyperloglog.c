/* HyperLogLogs against an array of registers; strings that are none. */
#include "hll_model.h"
#include <math.h>

Test(hyperloglog, dense_registers_are_written_together_or_alone)
{
    static uint8_t model[HLL_REGISTERS];
    static char dense[HLL_DENSE_SIZE];
    struct random_state random;
    random_state_seed(&random, 5);
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        model[i] = (uint8_t)(random_state_next(&random) % 52);
    memcpy(dense, "HYLL", 4);
    hll_dense_write(dense + HLL_HEADER_SIZE, model);
    expect_registers(bytes_of(dense, sizeof(dense)), model);
    for (int i = 0; i < 20000; i++) {
        struct hll_hit hit = {(uint32_t)(random_state_next(&random) % HLL_REGISTERS),
                              (uint8_t)(random_state_next(&random) % 51 + 1)};
        cr_assert_eq(hll_dense_raise(dense + HLL_HEADER_SIZE, hit), hit.rank > model[hit.index]);
        model[hit.index] = hit.rank > model[hit.index] ? hit.rank : model[hit.index];
        cr_assert_eq(hll_dense_get(dense + HLL_HEADER_SIZE, hit.index), model[hit.index]);
    }
    expect_registers(bytes_of(dense, sizeof(dense)), model);
}

Test(hyperloglog, the_estimate_is_near)
{
    static char dense[HLL_DENSE_SIZE] = "HYLL";
    for (uint64_t i = 1; i <= 200000; i++) {
        hll_dense_raise(dense + HLL_HEADER_SIZE, hll_hit_of(bytes_of(&i, sizeof(i))));
        if (i % 20000)
            continue;
        uint64_t estimate;
        cr_assert(hll_estimate(bytes_of(dense, sizeof(dense)), &estimate));
        cr_assert_lt(fabs((double)estimate - (double)i) / (double)i, 0.0244);
    }
    cr_assert_null(hll_self_test());
}

/* MurmurHash64A of known texts: the registers that the reference sets. */
Test(hyperloglog, the_hash_is_the_references)
{
    struct hll_hit hit = hll_hit_of(BYTES_LITERAL("a"));
    cr_assert_eq(hit.index, 12711);
    cr_assert_eq(hit.rank, 2);
    hit = hll_hit_of(BYTES_LITERAL("twelve bytes"));
    cr_assert_eq(hit.index, 10918);
    cr_assert_eq(hit.rank, 2);
}

#define HEADER "HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80"

/* CVE-2025-32023: runs that cover more registers than there are wrote behind them. */
Test(hyperloglog, cve_2025_32023_run_lengths)
{
    static const struct bytes strings[] = {
        BYTES_LITERAL(HEADER),                            /* no runs */
        BYTES_LITERAL(HEADER "\x7f\xfe"),                 /* a register is missing */
        BYTES_LITERAL(HEADER "\x7f\xff\x00"),             /* one too many */
        BYTES_LITERAL(HEADER "\x7f\xff\x7f\xff"),         /* twice as many */
        BYTES_LITERAL(HEADER "\x7f\xfe\x83"),             /* a value behind the last register */
        BYTES_LITERAL(HEADER "\x83\x7f\xff"),             /* zeroes behind it */
        BYTES_LITERAL(HEADER "\x7f"),                     /* half of a run */
        BYTES_LITERAL(HEADER "\x3f\x3f\x7f"),             /* the same, later */
        BYTES_LITERAL(HEADER "\xff\xff\xff\xff\xff\xff"), /* values alone */
    };
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        static struct {
            uint8_t registers[HLL_REGISTERS];
            uint8_t behind[64];
        } guarded;
        memset(&guarded, 0, sizeof(guarded));
        cr_assert(hll_recognize(strings[i]));
        uint64_t estimate;
        cr_assert_not(hll_estimate(strings[i], &estimate), "%zu", i);
        cr_assert_not(hll_merge(guarded.registers, strings[i]), "%zu", i);
        for (size_t k = 0; k < sizeof(guarded.behind); k++)
            cr_assert_eq(guarded.behind[k], 0);
        hll_edit_begin(&edit, strings[i], 3000);
        cr_assert_not(hll_edit_make_dense(&edit), "%zu", i);
        hll_edit_begin(&edit, strings[i], 3000);
        cr_assert_eq(hll_edit_raise(&edit, (struct hll_hit){HLL_REGISTERS - 1, 40}), HLL_CORRUPTED);
    }
}

Test(hyperloglog, other_strings_are_not_recognized)
{
    static char dense[HLL_DENSE_SIZE] = "HYLL";
    cr_assert(hll_recognize(bytes_of(dense, sizeof(dense))));
    cr_assert_not(hll_recognize(bytes_of(dense, sizeof(dense) - 1)));
    cr_assert_not(hll_recognize(BYTES_LITERAL("")));
    cr_assert_not(hll_recognize(BYTES_LITERAL("HYLL")));
    cr_assert_not(hll_recognize(BYTES_LITERAL("HYLX\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff")));
    cr_assert_not(hll_recognize(BYTES_LITERAL("HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff")));
    cr_assert(hll_recognize(hll_empty()));
}
