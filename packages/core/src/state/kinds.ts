/** Which built-in kind a value is, decided by its prototype alone. */
export type Kind =
  | "plain"
  | "bare"
  | "array"
  | "date"
  | "map"
  | "set"
  | "regexp"
  | "url"
  | "bytes"
  | "error";

type BytesClass = { new (buffer: ArrayBuffer): object; readonly name: string };

export const BYTES_CLASSES: Readonly<Record<string, BytesClass>> = {
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
};

export const ERROR_CLASSES: Readonly<Record<string, { readonly prototype: Error }>> = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
};

const KINDS = new Map<object, Kind>([
  [Object.prototype, "plain"],
  [Array.prototype, "array"],
  [Date.prototype, "date"],
  [Map.prototype, "map"],
  [Set.prototype, "set"],
  [RegExp.prototype, "regexp"],
  [URL.prototype, "url"],
  [Buffer.prototype, "bytes"],
  [ArrayBuffer.prototype, "bytes"],
  ...Object.values(BYTES_CLASSES).map((c) => [c.prototype, "bytes"] as [object, Kind]),
  ...Object.values(ERROR_CLASSES).map((c) => [c.prototype, "error"] as [object, Kind]),
]);

/** `undefined` where the value is an instance of some other class. */
export function kindOf(value: object): Kind | undefined {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype) return "plain";
  if (prototype === null) return "bare";
  const kind = KINDS.get(prototype);
  if (kind !== undefined) return kind;
  return fromAnotherRealm(value, prototype);
}

/** Plain objects and arrays made in a `vm` context (as test runners do) are still plain. */
function fromAnotherRealm(value: object, prototype: object): Kind | undefined {
  const name = Object.hasOwn(prototype, "constructor")
    ? (prototype.constructor as { name?: unknown } | undefined)?.name
    : undefined;
  if (Array.isArray(value)) return name === "Array" ? "array" : undefined;
  return name === "Object" && Object.getPrototypeOf(prototype) === null ? "plain" : undefined;
}

/** The class name and the bytes of a typed array, `DataView` or `ArrayBuffer`; a `Buffer` is a `Uint8Array`. */
export function bytesOf(value: object): [name: string, bytes: Buffer] {
  if (value instanceof ArrayBuffer) return ["ArrayBuffer", Buffer.from(value)];
  const view = value as ArrayBufferView;
  const name = Buffer.isBuffer(value)
    ? "Uint8Array"
    : Object.getPrototypeOf(value).constructor.name;
  return [name, Buffer.from(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength)];
}

export function bytesFrom(name: string, base64: string): object {
  const copy = Uint8Array.from(Buffer.from(base64, "base64")).buffer as ArrayBuffer;
  if (name === "ArrayBuffer") return copy;
  const Class = Object.hasOwn(BYTES_CLASSES, name) ? BYTES_CLASSES[name] : undefined;
  if (!Class) throw new TypeError(`unknown bytes class ${JSON.stringify(name)}`);
  return new Class(copy);
}
