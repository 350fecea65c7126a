/* Fuzz target of listpacks, lists made of them, and intsets from untrusted bytes (libFuzzer's
 * signature). What
 * *_validate lets pass is walked both ways, searched, changed and split, with a check after each
 * change; nothing may look outside of the bytes or break an invariant. The first byte says which of
 * the two it is, the second seeds the changes.
 *
 *   clang: -fsanitize=fuzzer,address -DFUZZ_NO_MAIN; gcc: the main below runs built-in seeds, files
 *   named as arguments, and a number of mutations of each.
 */
#include "base/assert.h"
#include "base/random.h"
#include "structures/intset.h"
#include "structures/listpack.h"
#include "structures/quicklist.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PREFIX = 2, CHANGES = 24 };

static unsigned accepted; /* of all inputs: says whether the mutations are worth something */

static struct bytes some_text(struct random_state *random, char room[5000])
{
    static const size_t sizes[] = {0, 1, 5, 63, 64, 100, 4095, 4096};
    size_t size = sizes[random_state_next(random) % 8];
    if (random_state_next(random) % 2)
        return bytes_of(room, number_format_i64(room, (int64_t)random_state_next(random) >>
                                                          random_state_next(random) % 64));
    memset(room, (int)(random_state_next(random) % 256), size);
    return bytes_of(room, size);
}

/* The same elements both ways, as many as the count says; each is found at its index. */
static void walk_listpack(const struct listpack *pack)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    uint32_t count = 0;
    uint64_t sum = 0;
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at)) {
        struct bytes text = listpack_text(pack, at, scratch);
        assert(listpack_equals(pack, at, text));
        assert(listpack_find(pack, listpack_first(pack), text, 0) <= at);
        sum += at;
        count++;
        if (count > 2000)
            return;
    }
    assert(count == listpack_count(pack));
    for (uint32_t at = listpack_last(pack); at; at = listpack_previous(pack, at))
        sum -= at;
    assert(sum == 0);
    assert(listpack_seek(pack, count) == 0);
    assert(count == 0 || listpack_seek(pack, count - 1) == listpack_last(pack));
}

static void change_listpack(struct listpack **pack, struct random_state *random)
{
    static char room[5000];
    uint32_t count = listpack_count(*pack);
    uint64_t choice = random_state_next(random) % 8;
    uint32_t at = count ? listpack_seek(*pack, (int64_t)(random_state_next(random) % count)) : 0;
    struct bytes text = some_text(random, room);
    if (!at || choice == 0)
        listpack_append(pack, text);
    else if (choice == 1)
        listpack_insert(pack, at, text);
    else if (choice <= 3)
        listpack_replace(pack, at, text);
    else if (choice <= 5)
        listpack_delete(pack, at);
    else if (choice == 6)
        listpack_delete_range(pack, at, (uint32_t)(random_state_next(random) % 5));
    else
        listpack_remove(pack, text, 2, random_state_next(random) % 2);
}

/* As RESTORE does it: nodes that were accepted one by one, in a list that compresses. */
static void use_quicklist(const struct listpack *pack)
{
    uint32_t count = listpack_count(pack);
    size_t walked = 0;
    struct listpack_value value;
    struct quicklist_iterator iterator;
    if (count == 0)
        return;
    struct quicklist *list = quicklist_create(-2, 1);
    for (int i = 0; i < 3; i++)
        quicklist_append_pack(list, listpack_copy(pack));
    quicklist_check(list);
    assert(quicklist_count(list) == 3 * (size_t)count);
    quicklist_iterator_init(&iterator, list, 0, false);
    while (quicklist_iterate(&iterator, &value))
        walked++;
    quicklist_iterator_deinit(&iterator);
    assert(walked == quicklist_count(list));
    quicklist_free(list);
}

static void use_listpack(const void *data, size_t size, struct random_state *random)
{
    if (!listpack_validate(data, size))
        return;
    accepted++;
    struct listpack *pack = listpack_of_bytes(data, size);
    listpack_check(pack);
    assert(listpack_size(pack) == size);
    walk_listpack(pack);
    use_quicklist(pack);
    struct listpack *copy = listpack_copy(pack);
    uint32_t count = listpack_count(copy);
    uint32_t middle = count / 2;
    if (count) {
        struct listpack *rest = listpack_split(&copy, listpack_seek(copy, middle), count - middle);
        listpack_check(copy);
        listpack_check(rest);
        listpack_append_pack(&copy, rest);
        listpack_check(copy);
        assert(listpack_count(copy) == count);
        listpack_free(rest);
    }
    listpack_free(copy);
    for (int i = 0; i < CHANGES; i++) {
        change_listpack(&pack, random);
        listpack_check(pack);
        assert(listpack_validate(pack, listpack_size(pack)));
    }
    walk_listpack(pack);
    listpack_free(pack);
}

static void use_intset(const void *data, size_t size, struct random_state *random)
{
    if (!intset_validate(data, size))
        return;
    accepted++;
    struct intset *set = intset_of_bytes(data, size);
    intset_check(set);
    assert(intset_size(set) == size);
    for (uint32_t i = 0; i < intset_count(set); i++)
        assert(intset_contains(set, intset_get(set, i)));
    for (int i = 0; i < CHANGES; i++) {
        int64_t value = (int64_t)random_state_next(random) >> random_state_next(random) % 64;
        uint32_t count = intset_count(set);
        if (count && random_state_next(random) % 2)
            value = intset_get(set, (uint32_t)(random_state_next(random) % count));
        bool was_there = intset_contains(set, value);
        if (random_state_next(random) % 2) {
            assert(intset_add(&set, value) == !was_there);
            assert(intset_contains(set, value));
        } else {
            assert(intset_remove(&set, value) == was_there);
            assert(!intset_contains(set, value));
        }
        intset_check(set);
    }
    intset_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX)
        return 0;
    struct random_state random;
    random_state_seed(&random, data[1]);
    size -= PREFIX;
    /* A copy of exactly the bytes, so that a sanitizer sees what is outside. */
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data + PREFIX, size);
    if (data[0] & 1)
        use_intset(exact, size, &random);
    else
        use_listpack(exact, size, &random);
    free(exact);
    return 0;
}

#ifndef FUZZ_NO_MAIN
enum { SEED_MAX = 1 << 16, FILE_SIZE_MAX = 1 << 20, ROUNDS = 12000 };

static uint8_t room[FILE_SIZE_MAX];

/* Bytes change, mostly by little; the sizes in front follow the whole half of the time. */
static void run_mutated(const uint8_t *seed, size_t size, unsigned rounds)
{
    uint8_t *copy = malloc(size + 8);
    for (unsigned i = 0; i < rounds; i++) {
        memcpy(copy, seed, size);
        memset(copy + size, 0xff, 8);
        size_t changed = size + (size_t)rand() % 3;
        if (rand() % 4 == 0 && size > PREFIX)
            changed -= (size_t)rand() % (size - PREFIX);
        for (int k = rand() % 4; k > 0; k--) {
            uint8_t *at = &copy[1 + (size_t)rand() % (size - 1)];
            *at = (uint8_t)(rand() % 2 ? rand() : *at + rand() % 5 - 2);
        }
        uint32_t whole = (uint32_t)(changed - PREFIX);
        if (!(copy[0] & 1) && rand() % 2 && changed >= PREFIX + sizeof(whole))
            memcpy(copy + PREFIX, &whole, sizeof(whole));
        LLVMFuzzerTestOneInput(copy, changed);
    }
    free(copy);
}

static void run_seed(uint8_t kind, const void *data, size_t size)
{
    assert(size + PREFIX <= SEED_MAX);
    room[0] = kind;
    room[1] = (uint8_t)size;
    memcpy(room + PREFIX, data, size);
    LLVMFuzzerTestOneInput(room, size + PREFIX);
    run_mutated(room, size + PREFIX, ROUNDS);
}

static void run_listpacks(struct random_state *random)
{
    static char text_room[5000];
    for (int elements = 0; elements < 40; elements += 1 + elements / 2) {
        struct listpack *pack = listpack_create(0);
        for (int i = 0; i < elements; i++)
            listpack_append(&pack, some_text(random, text_room));
        assert(listpack_validate(pack, listpack_size(pack)));
        if (listpack_size(pack) + PREFIX <= SEED_MAX)
            run_seed(0, pack, listpack_size(pack));
        listpack_free(pack);
    }
}

static void run_intsets(void)
{
    static const int64_t steps[] = {1, 3000, 100000000, INT64_MAX / 8};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct intset *set = intset_create();
        for (int64_t k = -7; k < 8; k++)
            intset_add(&set, k * steps[i]);
        assert(intset_validate(set, intset_size(set)));
        run_seed(1, set, intset_size(set));
        intset_free(set);
    }
}

int main(int argc, char **argv)
{
    struct random_state random;
    random_state_seed(&random, 1);
    run_listpacks(&random);
    run_intsets();
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (!file)
            continue;
        size_t size = fread(room, 1, sizeof(room), file);
        fclose(file);
        LLVMFuzzerTestOneInput(room, size);
        if (size > PREFIX)
            run_mutated(room, size, 100);
    }
    printf("fuzz_listpack: done, %u inputs were valid\n", accepted);
    return 0;
}
#endif
