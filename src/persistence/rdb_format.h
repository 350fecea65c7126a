/* Numbers of the RDB format, versions up to 12, which DUMP payloads share. */
#ifndef PERSISTENCE_RDB_FORMAT_H
#define PERSISTENCE_RDB_FORMAT_H

enum {
    RDB_VERSION_READ_MAX = 12,
    /* What redis 7.0 reads; values that need more say so (rdb_value_version). */
    RDB_VERSION_COMMON = 10,
    RDB_VERSION_SET_LISTPACK = 11,
    RDB_VERSION_FIELD_EXPIRY = 12
};

enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3,
    RDB_HASH = 4,
    RDB_ZSET_2 = 5,
    RDB_MODULE_2 = 7,
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14,
    RDB_STREAM_LISTPACKS = 15,
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18,
    RDB_STREAM_LISTPACKS_2 = 19,
    RDB_SET_LISTPACK = 20,
    RDB_STREAM_LISTPACKS_3 = 21,
    RDB_HASH_METADATA_OLD = 22, /* before 7.4 was final: times are absolute */
    RDB_HASH_LISTPACK_EX_OLD = 23,
    RDB_HASH_METADATA = 24,
    RDB_HASH_LISTPACK_EX = 25
};

/* The two highest bits of a length; with the highest two set the rest is an encoding of a string.
 */
enum {
    RDB_LENGTH_6_BITS = 0,
    RDB_LENGTH_14_BITS = 1,
    RDB_LENGTH_32_BITS = 0x80, /* whole byte */
    RDB_LENGTH_64_BITS = 0x81,
    RDB_LENGTH_ENCODED = 3
};

enum { RDB_STRING_INT8 = 0, RDB_STRING_INT16 = 1, RDB_STRING_INT32 = 2, RDB_STRING_LZF = 3 };

enum { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

#endif
