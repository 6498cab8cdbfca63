# shellcheck shell=bash disable=SC2034,SC2154
# What items.sh and drafts.sh begin with. Source it after lib.sh.

# v1 and v2 each know a field of Dog that the other does not.
setup() {
    mount_store
    add v1 <<'YAML'
version: v1
types:
  Dog:
    fields:
      name:   {type: string, required: true}
      breed:  string
      age:    integer
      weight: number
      tags:   list<string>
      extra:  json
  Person:
    open: true
    fields: {email: string}
  Walk:
    fields:
      dog:  {type: ref<Dog>, on_delete: restrict}
      with: {type: ref<Person>, on_delete: unset}
  Bed:
    fields: {dog: {type: ref<Dog>, on_delete: cascade}, colour: {type: string, default: grey}}
YAML
    add v2 <<'YAML'
version: v2
from: v1
migrate:
  - remove_field: {type: Dog, field: breed}
  - add_field: {type: Dog, field: chip, as: string}
YAML
    D1=$M/v1/Dog D2=$M/v2/Dog
    put "$D1/rex.json" '{"name": "Rex", "breed": "Beagle", "age": 3}'
}
