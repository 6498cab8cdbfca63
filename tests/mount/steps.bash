# shellcheck shell=bash disable=SC2034,SC2154
# What steps.sh and extract.sh begin with. Source it after lib.sh.

# The version before the step; what differs is written by each case.
setup() {
    mount_store
    D1=$M/v1/Dog D2=$M/v2/Dog
}

dogs() {
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name: {type: string, required: true}
      breed: string
      age: string
      size: Size
      home: Home
  Walk: {fields: {dog: {type: ref<Dog>, on_delete: unset}, note: string}}
objects:
  Home: {fields: {street: string, city: string}}
enums:
  Size: [small, large]
YAML
    put "$D1/rex.json" '{"name": "Rex", "breed": "Beagle", "age": "3", "size": "small", "home": {"street": "A", "city": "B"}}'
    put "$M/v1/Walk/w.json" '{"dog": "rex", "note": "n"}'
}

# migrate YAML: v2 is v1 and these steps.
migrate() {
    add v2 <<YAML
version: v2
from: v1
migrate:
$1
YAML
}

# write FILE TEXT OTHER: writes an item through one version and waits until it has its name in the other.
write() {
    put "$1" "$2"
    sees "$3"
}
