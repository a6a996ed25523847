import { expect, test } from "vitest";
import { Refused, sentence } from "./problem.ts";

test("all messages of a field are kept, in order, whatever prefix the field has", () => {
  const refused = new Refused(422, {
    detail: "create wiki: two fields are wrong",
    errors: [
      { field: "slug", message: "is shorter than 3 characters" },
      { field: "body.slug", message: "begins with a hyphen" },
      { field: "name", message: "is empty" },
    ],
  });
  expect(refused.message).toBe("Create wiki: two fields are wrong.");
  expect(refused.fields.get("slug")).toEqual(["is shorter than 3 characters", "begins with a hyphen"]);
  expect(refused.fields.get("name")).toEqual(["is empty"]);
});

test.each([
  [{}, "The server answered 409.", "a gateway that sends no problem document"],
  [{ title: "It exists already" }, "It exists already.", "a problem without detail"],
  [{ detail: "the name is taken", errors: null }, "The name is taken.", "no field is to blame"],
])("a poor problem still has a message", (problem, want, why) => {
  expect(new Refused(409, problem).message, why).toBe(want);
});

test("a field's message is put behind what the form calls the field", () => {
  expect(sentence("is taken: choose another", "the address")).toBe("The address is taken: choose another.");
});

test("a sentence is left as it is", () => {
  expect(sentence("Is it? ")).toBe("Is it?");
  expect(sentence("")).toBe("");
});
