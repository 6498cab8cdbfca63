# shellcheck shell=bash
#
# The dogs that tests work on. With real tools, a dog in two versions, and a walk that refers to it:
#
# Every dog has a chip that only v2 knows, an item number, and walks that refer to it: what still has all three
# after a tool has been there is the same item.

setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog: {fields: {name: {type: string, required: true}, age: integer}}
  Walk: {fields: {dog: {type: ref<Dog>, on_delete: unset}}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - add_field: {type: Dog, field: chip, as: string}
YAML
    D1=$M/v1/Dog D2=$M/v2/Dog
    put "$D2/rex.json" '{"name": "Rex", "age": 3, "chip": "c-1"}'
    sees "$D1/rex.json"
    put "$M/v1/Walk/morning.json" '{"dog": "rex"}'
    REX1=$(inode_of "$D1/rex.json") REX2=$(inode_of "$D2/rex.json")
    mkdir "$T/from" "$T/home"
    printf '{\n\t"name": "Max",\n\t"age": 4\n}\n' >"$T/from/rex.json"
    export HOME=$T/home
}

# One dog in one version.
beagle() {
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name:  {type: string, required: true}
      breed: string
      age:   integer
YAML
    put "$M/v1/Dog/rex.json" '{"name": "Rex", "breed": "Beagle", "age": 3}'
}

inode_of() { stat -c %i "$1"; }

has_inode() { [[ $(inode_of "$1") == "$2" ]]; }

# same_dog NAME AGE: the item is named so in both versions, is still the same item, and is alone.
same_dog() {
    assert_eq "$(names "$D1")" rex.json "what is in v1/Dog"
    assert_eq "$(names "$D2")" rex.json "what is in v2/Dog"
    still_the_dog "$1" "$2"
}

# still_the_dog NAME AGE: the same, and others may stand beside it.
still_the_dog() {
    assert_json "$D1/rex.json" '[.name, .age]' "[\"$1\",$2]"
    assert_json "$D2/rex.json" '[.name, .age, .chip]' "[\"$1\",$2,\"c-1\"]"
    assert_json "$M/v1/Walk/morning.json" .dog '"rex"'
    assert_eq "$(inode_of "$D2/rex.json")" "$REX2" "the inode in v2"
    # In the version where a new file took the name, the kernel learns whose it is a moment later.
    wait_until 5 has_inode "$D1/rex.json" "$REX1" || fail "another inode in v1" "$(inode_of "$D1/rex.json"), was $REX1"
}
