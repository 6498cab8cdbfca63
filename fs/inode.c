#include "inode.h"

#include <assert.h>

#define PAYLOAD_MASK ((UINT64_C(1) << INODE_PAYLOAD_BITS) - 1)
#define NUMBER_MASK  ((UINT64_C(1) << INODE_NUMBER_BITS) - 1)
#define TYPE_BITS   12
#define TYPE_MASK   ((1u << TYPE_BITS) - 1)

/* What a kind's payload holds. */
enum payload { PAYLOAD_NONE, PAYLOAD_VERSION, PAYLOAD_VERSION_TYPE, PAYLOAD_NUMBER };

static const enum payload payloads[INODE_KINDS] = {
    [INODE_VERSION] = PAYLOAD_VERSION,     [INODE_TYPE] = PAYLOAD_VERSION_TYPE,
    [INODE_STREAM] = PAYLOAD_VERSION_TYPE, [INODE_SCHEMA] = PAYLOAD_VERSION,
    [INODE_CONTROL_FILE] = PAYLOAD_NUMBER, [INODE_SCRATCH] = PAYLOAD_NUMBER,
    [INODE_HISTORY] = PAYLOAD_VERSION_TYPE,
};

/* Without a payload the number is 1: the root's has to be, and none may be 0. */
static uint64_t payload_of(const struct inode *in)
{
    switch (payloads[in->kind]) {
    case PAYLOAD_VERSION:
        return in->version;
    case PAYLOAD_VERSION_TYPE:
        return (uint64_t)in->version << TYPE_BITS | in->type;
    case PAYLOAD_NUMBER:
        return in->number;
    case PAYLOAD_NONE:
        break;
    }
    return 1;
}

uint64_t inode_encode(const struct inode *in)
{
    assert(in->version <= TYPE_MASK && in->type <= TYPE_MASK && in->number <= NUMBER_MASK);
    if (in->kind >= INODE_ITEM)
        return (uint64_t)in->version << (INODE_PAYLOAD_BITS + TYPE_BITS) |
               (uint64_t)in->type << INODE_PAYLOAD_BITS |
               (uint64_t)(in->kind - INODE_ITEM) << INODE_NUMBER_BITS | in->number;
    return (uint64_t)in->kind << INODE_PAYLOAD_BITS | payload_of(in);
}

static bool decode_special(uint32_t kind, uint64_t payload, struct inode *ret)
{
    if (kind >= INODE_ITEM)
        return false;
    ret->kind = (enum inode_kind)kind;
    switch (payloads[kind]) {
    case PAYLOAD_NONE:
        return payload == 1;
    case PAYLOAD_VERSION:
        ret->version = (uint32_t)(payload & TYPE_MASK);
        return payload != 0 && payload <= TYPE_MASK;
    case PAYLOAD_VERSION_TYPE:
        ret->version = (uint32_t)(payload >> TYPE_BITS & TYPE_MASK);
        ret->type = (uint32_t)(payload & TYPE_MASK);
        return ret->version != 0 && payload >> (2 * TYPE_BITS) == 0;
    case PAYLOAD_NUMBER:
        ret->number = payload;
        return payload <= NUMBER_MASK;
    }
    return true;
}

bool inode_decode(uint64_t ino, struct inode *ret)
{
    uint32_t version = (uint32_t)(ino >> (INODE_PAYLOAD_BITS + TYPE_BITS));
    uint32_t type = (uint32_t)(ino >> INODE_PAYLOAD_BITS) & TYPE_MASK;
    unsigned kind = INODE_ITEM + (unsigned)(ino >> INODE_NUMBER_BITS & 3);

    *ret = (struct inode){0};
    if (version == 0)
        return decode_special(type, ino & PAYLOAD_MASK, ret);
    if (kind >= INODE_KINDS)
        return false;
    *ret = (struct inode){(enum inode_kind)kind, version, type, ino & NUMBER_MASK};
    return true;
}

uint64_t inode_fixed(enum inode_kind kind)
{
    return inode_encode(&(struct inode){.kind = kind});
}

uint64_t inode_version(uint32_t version)
{
    return inode_encode(&(struct inode){.kind = INODE_VERSION, .version = version});
}

uint64_t inode_type(uint32_t version, uint32_t type)
{
    return inode_encode(&(struct inode){.kind = INODE_TYPE, .version = version, .type = type});
}

uint64_t inode_stream(uint32_t version, uint32_t type)
{
    return inode_encode(&(struct inode){.kind = INODE_STREAM, .version = version, .type = type});
}

uint64_t inode_schema(uint32_t version)
{
    return inode_encode(&(struct inode){.kind = INODE_SCHEMA, .version = version});
}

uint64_t inode_control_file(uint64_t index)
{
    return inode_encode(&(struct inode){.kind = INODE_CONTROL_FILE, .number = index});
}

uint64_t inode_scratch(uint64_t node)
{
    return inode_encode(&(struct inode){.kind = INODE_SCRATCH, .number = node});
}

uint64_t inode_item(uint32_t version, uint32_t type, uint64_t number)
{
    return inode_encode(&(struct inode){INODE_ITEM, version, type, number});
}
