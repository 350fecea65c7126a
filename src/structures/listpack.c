/* Listpacks: encoding, splicing, and the validation of bytes from outside. One owner, any thread.
 *
 * Invariant: what listpack_validate accepts and what listpack_next walks over are computed by the
 * same functions of sizes, so they cannot disagree. Machines are little endian here.
 */
#include "structures/listpack.h"
#include "base/memory.h"

_Static_assert(sizeof(struct listpack) == LISTPACK_HEADER_SIZE, "the header is the struct");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are stored as they are");

enum {
    ENCODING_13_BITS = 0xc0,
    ENCODING_STRING_12 = 0xe0,
    ENCODING_STRING_32 = 0xf0,
    ENCODING_16_BITS = 0xf1,
    ENCODING_24_BITS = 0xf2,
    ENCODING_32_BITS = 0xf3,
    ENCODING_64_BITS = 0xf4,
    END = 0xff,
    BACKLEN_SIZE_MAX = 5,
    /* An allocation more than this many times too large is made smaller by a deletion. */
    SLACK_FACTOR = 2,
    SLACK_MIN = 64
};

/* -- header -- */

static void set_size(struct listpack *pack, size_t size)
{
    uint32_t stored = (uint32_t)size;
    memcpy(pack->header, &stored, sizeof(stored));
}

static uint16_t stored_count(const struct listpack *pack)
{
    uint16_t count;
    memcpy(&count, pack->header + 4, sizeof(count));
    return count;
}

static void set_count(struct listpack *pack, uint64_t count)
{
    uint16_t stored =
        count < LISTPACK_COUNT_UNKNOWN ? (uint16_t)count : (uint16_t)LISTPACK_COUNT_UNKNOWN;
    memcpy(pack->header + 4, &stored, sizeof(stored));
}

/* A count that is unknown stays so. */
static void add_to_count(struct listpack *pack, int64_t difference)
{
    uint16_t count = stored_count(pack);
    if (__builtin_expect(count != LISTPACK_COUNT_UNKNOWN, 1))
        set_count(pack, (uint64_t)(count + difference));
}

static uint8_t *body_at(struct listpack *pack, uint32_t position)
{
    return (uint8_t *)pack + position;
}

/* -- life -- */

struct listpack *listpack_create(size_t size)
{
    struct listpack *pack = mem_alloc(size > LISTPACK_EMPTY_SIZE ? size : LISTPACK_EMPTY_SIZE);
    set_size(pack, LISTPACK_EMPTY_SIZE);
    set_count(pack, 0);
    pack->body[0] = END;
    return pack;
}

struct listpack *listpack_copy(const struct listpack *pack)
{
    return listpack_of_bytes(pack, listpack_size(pack));
}

struct listpack *listpack_of_bytes(const void *data, size_t size)
{
    return mem_dup(data, size);
}

void listpack_free(struct listpack *pack)
{
    mem_free(pack);
}

void listpack_shrink(struct listpack **pack)
{
    uint32_t size = listpack_size(*pack);
    if (mem_good_size(size) < mem_usable_size(*pack))
        *pack = mem_realloc(*pack, size);
}

void listpack_clear(struct listpack **pack)
{
    set_size(*pack, LISTPACK_EMPTY_SIZE);
    set_count(*pack, 0);
    (*pack)->body[0] = END;
    listpack_shrink(pack);
}

size_t listpack_memory(const struct listpack *pack)
{
    return mem_usable_size(pack);
}

/* -- sizes and moving -- */

uint64_t listpack_encoded_size_slow(const uint8_t *at)
{
    if (at[0] < ENCODING_STRING_12)
        return 2;
    if (at[0] < ENCODING_STRING_32)
        return 2u + ((at[0] & 15u) << 8 | at[1]);
    uint32_t size;
    switch (at[0]) {
    case ENCODING_STRING_32:
        memcpy(&size, at + 1, sizeof(size));
        return 5 + (uint64_t)size;
    case ENCODING_16_BITS:
        return 3;
    case ENCODING_24_BITS:
        return 4;
    case ENCODING_32_BITS:
        return 5;
    case ENCODING_64_BITS:
        return 9;
    default:
        panic("listpack: no such encoding: %u", at[0]);
    }
}

/* Writes the size field; returns its size. */
static uint32_t write_backlen(uint8_t *to, uint64_t size)
{
    uint32_t count = listpack_backlen_size(size);
    for (uint32_t i = count; i-- > 0; size >>= 7)
        to[i] = (uint8_t)((size & 127) | (i ? 128 : 0));
    return count;
}

/* The size field that ends before `end`; *bytes says how many it has, 0 when it is none. */
static uint64_t read_backlen(const uint8_t *end, size_t available, uint32_t *bytes)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < BACKLEN_SIZE_MAX && i < available; i++) {
        uint8_t byte = *(end - 1 - i);
        size |= (uint64_t)(byte & 127) << (7 * i);
        if (!(byte & 128)) {
            *bytes = i + 1;
            return size;
        }
    }
    *bytes = 0;
    return 0;
}

uint32_t listpack_previous(const struct listpack *pack, uint32_t position)
{
    if (position <= LISTPACK_HEADER_SIZE)
        return 0;
    const uint8_t *end = listpack_at(pack, position);
    if (__builtin_expect(end[-1] < 128, 1))
        return position - 1 - end[-1];
    uint32_t bytes;
    uint64_t size = read_backlen(end, position - LISTPACK_HEADER_SIZE, &bytes);
    assert(bytes && size + bytes <= position - LISTPACK_HEADER_SIZE);
    return position - bytes - (uint32_t)size;
}

uint32_t listpack_count_slow(const struct listpack *pack)
{
    uint32_t count = 0;
    for (uint32_t at = listpack_first(pack); at; at = listpack_next(pack, at))
        count++;
    return count;
}

uint32_t listpack_seek(const struct listpack *pack, int64_t index)
{
    uint16_t count = stored_count(pack);
    if (count != LISTPACK_COUNT_UNKNOWN) {
        if (index < 0)
            index += count;
        if (index < 0 || index >= count)
            return 0;
        if (index > count / 2)
            index -= count;
    }
    uint32_t at;
    if (index >= 0) {
        for (at = listpack_first(pack); at && index > 0; index--)
            at = listpack_next(pack, at);
    } else {
        for (at = listpack_last(pack); at && index < -1; index++)
            at = listpack_previous(pack, at);
    }
    return at;
}

/* -- reading -- */

static int64_t signed_bits(const uint8_t *at, unsigned bits)
{
    uint64_t value = 0;
    memcpy(&value, at, bits / 8);
    return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

struct listpack_value listpack_get_slow(const uint8_t *at)
{
    if (at[0] < ENCODING_STRING_12) {
        uint64_t value = (at[0] & 31u) << 8 | at[1];
        return (struct listpack_value){.integer = (int64_t)(value << 51) >> 51};
    }
    const char *text = (const char *)at;
    if (at[0] < ENCODING_STRING_32)
        return (struct listpack_value){.data = text + 2, .size = (at[0] & 15u) << 8 | at[1]};
    uint32_t size;
    switch (at[0]) {
    case ENCODING_STRING_32:
        memcpy(&size, at + 1, sizeof(size));
        return (struct listpack_value){.data = text + 5, .size = size};
    case ENCODING_16_BITS:
        return (struct listpack_value){.integer = signed_bits(at + 1, 16)};
    case ENCODING_24_BITS:
        return (struct listpack_value){.integer = signed_bits(at + 1, 24)};
    case ENCODING_32_BITS:
        return (struct listpack_value){.integer = signed_bits(at + 1, 32)};
    case ENCODING_64_BITS:
        return (struct listpack_value){.integer = signed_bits(at + 1, 64)};
    default:
        panic("listpack: no such encoding: %u", at[0]);
    }
}

/* What is searched, as text and, if it is one, as integer. */
struct wanted {
    struct bytes text;
    int64_t integer;
    bool is_integer;
};

/* Nearly all text is no integer: its first byte tells. */
static inline bool parse_integer(struct bytes text, int64_t *integer)
{
    if (text.size == 0 || text.size >= NUMBER_I64_TEXT_MAX)
        return false;
    if ((text.data[0] < '0' || text.data[0] > '9') && text.data[0] != '-')
        return false;
    return number_parse_i64(text, integer);
}

static struct wanted wanted_of(struct bytes text)
{
    struct wanted wanted = {.text = text};
    wanted.is_integer = parse_integer(text, &wanted.integer);
    return wanted;
}

static inline bool is_wanted(struct listpack_value value, const struct wanted *wanted)
{
    if (value.data)
        return value.size == wanted->text.size &&
               (value.size == 0 || memcmp(value.data, wanted->text.data, value.size) == 0);
    return wanted->is_integer && value.integer == wanted->integer;
}

bool listpack_equals(const struct listpack *pack, uint32_t position, struct bytes text)
{
    struct listpack_value value = listpack_get(pack, position);
    if (value.data)
        return bytes_equal(bytes_of(value.data, value.size), text);
    int64_t integer;
    return parse_integer(text, &integer) && integer == value.integer;
}

uint32_t listpack_find(const struct listpack *pack, uint32_t position, struct bytes text,
                       uint32_t skip)
{
    const struct wanted wanted = wanted_of(text);
    while (position) {
        if (is_wanted(listpack_get(pack, position), &wanted))
            return position;
        position = listpack_next(pack, position);
        for (uint32_t i = 0; i < skip && position; i++)
            position = listpack_next(pack, position);
    }
    return 0;
}

/* -- encoding -- */

/* An element ready to be written: the head holds a whole integer, or what precedes a string. */
struct element {
    uint8_t head[9];
    uint8_t head_size;
    struct bytes data;
    uint64_t encoded_size;
    uint64_t size; /* with the size field */
};

static void element_close(struct element *element)
{
    element->encoded_size = element->head_size + element->data.size;
    element->size = element->encoded_size + listpack_backlen_size(element->encoded_size);
}

static void element_of_wide(struct element *element, int64_t value)
{
    uint8_t code = ENCODING_64_BITS;
    uint8_t bytes = 8;
    if (value >= INT16_MIN && value <= INT16_MAX) {
        code = ENCODING_16_BITS;
        bytes = 2;
    } else if (value >= -(1 << 23) && value < 1 << 23) {
        code = ENCODING_24_BITS;
        bytes = 3;
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        code = ENCODING_32_BITS;
        bytes = 4;
    }
    element->head[0] = code;
    memcpy(element->head + 1, &value, sizeof(value));
    element->head_size = (uint8_t)(1 + bytes);
}

static void element_of_integer(struct element *element, int64_t value)
{
    element->data = bytes_of(NULL, 0);
    if (value >= 0 && value <= 127) {
        element->head[0] = (uint8_t)value;
        element->head_size = 1;
    } else if (value >= -4096 && value <= 4095) {
        element->head[0] = (uint8_t)(ENCODING_13_BITS | (((uint64_t)value >> 8) & 31));
        element->head[1] = (uint8_t)(value & 0xff);
        element->head_size = 2;
    } else {
        element_of_wide(element, value);
    }
    element_close(element);
}

static void element_of_string(struct element *element, struct bytes text)
{
    assert(text.size < LISTPACK_SIZE_MAX);
    element->data = text;
    if (text.size < 64) {
        element->head[0] = (uint8_t)(0x80 | text.size);
        element->head_size = 1;
    } else if (text.size < 4096) {
        element->head[0] = (uint8_t)(ENCODING_STRING_12 | text.size >> 8);
        element->head[1] = (uint8_t)text.size;
        element->head_size = 2;
    } else {
        uint32_t size = (uint32_t)text.size;
        element->head[0] = ENCODING_STRING_32;
        memcpy(element->head + 1, &size, sizeof(size));
        element->head_size = 5;
    }
    element_close(element);
}

static inline void element_of(struct element *element, struct bytes text)
{
    int64_t integer;
    if (parse_integer(text, &integer))
        element_of_integer(element, integer);
    else
        element_of_string(element, text);
}

size_t listpack_element_size(struct bytes text)
{
    struct element element;
    element_of(&element, text);
    return element.size;
}

static void element_write(const struct element *element, uint8_t *to)
{
    /* The gap is never smaller than the element, which for a short head may be less than nine. */
    memcpy(to, element->head, element->head_size);
    if (element->data.size)
        memcpy(to + element->head_size, element->data.data, element->data.size);
    write_backlen(to + element->encoded_size, element->encoded_size);
}

/* -- splicing -- */

static void reserve(struct listpack **pack, size_t size)
{
    assert(size <= (size_t)LISTPACK_SIZE_MAX * 2);
    if (size > mem_usable_size(*pack))
        *pack = mem_realloc(*pack, mem_good_size(size));
}

/* Turns the `old_size` bytes at `position` into `new_size` bytes of room. */
static void splice(struct listpack **pack, uint32_t position, size_t old_size, size_t new_size)
{
    size_t size = listpack_size(*pack);
    assert(position >= LISTPACK_HEADER_SIZE && position + old_size < size);
    size_t result = size - old_size + new_size;
    if (new_size > old_size)
        reserve(pack, result);
    uint8_t *at = body_at(*pack, position);
    if (new_size != old_size)
        memmove(at + new_size, at + old_size, size - position - old_size);
    set_size(*pack, result);
    if (new_size < old_size && mem_usable_size(*pack) > result * SLACK_FACTOR + SLACK_MIN)
        *pack = mem_realloc(*pack, result);
}

static void insert_element(struct listpack **pack, uint32_t position, const struct element *element)
{
    splice(pack, position, 0, element->size);
    element_write(element, body_at(*pack, position));
    add_to_count(*pack, 1);
}

/* The room that an element takes, its size field included. */
static size_t whole_size(const uint8_t *at)
{
    uint64_t size = listpack_encoded_size(at);
    return size + listpack_backlen_size(size);
}

static void replace_element(struct listpack **pack, uint32_t position,
                            const struct element *element)
{
    splice(pack, position, whole_size(listpack_at(*pack, position)), element->size);
    element_write(element, body_at(*pack, position));
}

void listpack_insert(struct listpack **pack, uint32_t position, struct bytes text)
{
    struct element element;
    element_of(&element, text);
    insert_element(pack, position, &element);
}

void listpack_insert_integer(struct listpack **pack, uint32_t position, int64_t value)
{
    struct element element;
    element_of_integer(&element, value);
    insert_element(pack, position, &element);
}

void listpack_append(struct listpack **pack, struct bytes text)
{
    listpack_insert(pack, listpack_end(*pack), text);
}

void listpack_append_integer(struct listpack **pack, int64_t value)
{
    listpack_insert_integer(pack, listpack_end(*pack), value);
}

void listpack_append_value(struct listpack **pack, struct listpack_value value)
{
    if (value.data)
        listpack_append(pack, bytes_of(value.data, value.size));
    else
        listpack_append_integer(pack, value.integer);
}

void listpack_prepend(struct listpack **pack, struct bytes text)
{
    listpack_insert(pack, LISTPACK_HEADER_SIZE, text);
}

void listpack_replace(struct listpack **pack, uint32_t position, struct bytes text)
{
    struct element element;
    element_of(&element, text);
    replace_element(pack, position, &element);
}

void listpack_replace_integer(struct listpack **pack, uint32_t position, int64_t value)
{
    struct element element;
    element_of_integer(&element, value);
    replace_element(pack, position, &element);
}

bool listpack_delete(struct listpack **pack, uint32_t position)
{
    splice(pack, position, whole_size(listpack_at(*pack, position)), 0);
    add_to_count(*pack, -1);
    return *listpack_at(*pack, position) != END;
}

uint32_t listpack_delete_range(struct listpack **pack, uint32_t position, uint32_t count)
{
    uint32_t removed = 0;
    size_t size = 0;
    const uint8_t *at = listpack_at(*pack, position);
    while (removed < count && at[size] != END) {
        size += whole_size(at + size);
        removed++;
    }
    if (removed) {
        splice(pack, position, size, 0);
        add_to_count(*pack, -(int64_t)removed);
    }
    return removed;
}

uint32_t listpack_remove(struct listpack **pack, struct bytes text, size_t count, bool from_last)
{
    uint32_t removed = 0;
    if (!from_last) {
        uint32_t at = listpack_find(*pack, listpack_first(*pack), text, 0);
        while (at && removed < count) {
            bool follows = listpack_delete(pack, at);
            removed++;
            at = follows ? listpack_find(*pack, at, text, 0) : 0;
        }
        return removed;
    }
    const struct wanted wanted = wanted_of(text);
    for (uint32_t at = listpack_last(*pack); at && removed < count;) {
        uint32_t previous = listpack_previous(*pack, at);
        if (is_wanted(listpack_get(*pack, at), &wanted)) {
            listpack_delete(pack, at);
            removed++;
        }
        at = previous;
    }
    return removed;
}

void listpack_append_pack(struct listpack **pack, const struct listpack *other)
{
    uint32_t size = listpack_size(other) - LISTPACK_EMPTY_SIZE;
    uint16_t count = stored_count(other);
    if (size == 0)
        return;
    uint32_t end = listpack_end(*pack);
    splice(pack, end, 0, size);
    memcpy(body_at(*pack, end), other->body, size);
    if (count == LISTPACK_COUNT_UNKNOWN)
        set_count(*pack, LISTPACK_COUNT_UNKNOWN);
    else
        add_to_count(*pack, count);
}

struct listpack *listpack_split(struct listpack **pack, uint32_t position, uint32_t count)
{
    if (position == 0)
        return listpack_create(0);
    size_t size = listpack_size(*pack) - position - 1;
    struct listpack *tail = listpack_create(size + LISTPACK_EMPTY_SIZE);
    memcpy(tail->body, listpack_at(*pack, position), size);
    tail->body[size] = END;
    set_size(tail, size + LISTPACK_EMPTY_SIZE);
    set_count(tail, count);
    splice(pack, position, size, 0);
    add_to_count(*pack, -(int64_t)count);
    return tail;
}

/* -- bytes from outside -- */

/* Bytes that must be there before the element's size can be computed; 0: no such encoding. */
static size_t head_bytes(uint8_t first)
{
    if (first < 0xc0)
        return 1;
    if (first < ENCODING_STRING_32)
        return 2;
    if (first == ENCODING_STRING_32)
        return 5;
    return first <= ENCODING_64_BITS ? 1 : 0;
}

/* Size with its field of the element in `available` bytes; 0 when it is not sound. */
static size_t validated_size(const uint8_t *at, size_t available)
{
    size_t head = head_bytes(at[0]);
    if (head == 0 || head > available)
        return 0;
    uint64_t size = listpack_encoded_size(at);
    uint32_t backlen_size = listpack_backlen_size(size);
    if (size + backlen_size > available)
        return 0;
    uint32_t bytes;
    uint64_t backlen = read_backlen(at + size + backlen_size, backlen_size, &bytes);
    return bytes == backlen_size && backlen == size ? size + backlen_size : 0;
}

bool listpack_validate(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    if (size < LISTPACK_EMPTY_SIZE || size > UINT32_MAX)
        return false;
    uint32_t stored_size;
    uint16_t count;
    memcpy(&stored_size, bytes, sizeof(stored_size));
    memcpy(&count, bytes + 4, sizeof(count));
    if (stored_size != size || bytes[size - 1] != END)
        return false;
    uint64_t found = 0;
    for (size_t at = LISTPACK_HEADER_SIZE; at < size - 1; found++) {
        size_t step = validated_size(bytes + at, size - 1 - at);
        if (step == 0)
            return false;
        at += step;
    }
    return count == LISTPACK_COUNT_UNKNOWN || count == found;
}

void listpack_check(const struct listpack *pack)
{
    assert(listpack_validate(pack, listpack_size(pack)));
    assert(listpack_memory(pack) >= listpack_size(pack));
}
