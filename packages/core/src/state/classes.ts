import { Document } from "@langchain/core/documents";
import {
  AIMessage,
  AIMessageChunk,
  ChatMessage,
  ChatMessageChunk,
  FunctionMessage,
  FunctionMessageChunk,
  HumanMessage,
  HumanMessageChunk,
  RemoveMessage,
  SystemMessage,
  SystemMessageChunk,
  ToolMessage,
  ToolMessageChunk,
} from "@langchain/core/messages";
import { Command, Overwrite, Send } from "@langchain/langgraph";
import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";

const MESSAGE = Symbol.for("langchain.message");

/** Any class whose instances are their own enumerable fields. */
// biome-ignore lint/suspicious/noExplicitAny: a class of any constructor arguments
export type ValueClass = { new (...args: any[]): object; readonly name: string };

/**
 * How a message class lays out its instances, read off a fresh instance, so that a field that
 * LangChain adds tomorrow is kept without a change here.
 */
export interface MessageClass {
  readonly name: string;
  readonly prototype: object;
  /** Own string fields in order, without `lc_kwargs`. */
  readonly fields: readonly string[];
  /** All own string keys in order. */
  readonly layout: readonly string[];
  /** A fresh instance's values, by position in `layout`. */
  readonly defaults: readonly unknown[];
  readonly symbols: readonly (readonly [symbol, unknown])[];
  /** An instance without a constructor's work; some fields may be there, empty, in layout order. */
  readonly blank: () => object;
  /** What the constructor itself adds to `lc_kwargs`, in order. */
  readonly kwargsTail: readonly string[];
}

/** An allowlisted class that is not a message. */
export interface PlainClass {
  readonly name: string;
  readonly prototype: object;
}

// Names are written out because bundlers rename classes.
const MESSAGES: readonly [name: string, ValueClass, Record<string, unknown>][] = [
  ["HumanMessage", HumanMessage, { content: "" }],
  ["AIMessage", AIMessage, { content: "" }],
  ["SystemMessage", SystemMessage, { content: "" }],
  ["ToolMessage", ToolMessage, { content: "", tool_call_id: "" }],
  ["FunctionMessage", FunctionMessage, { content: "", name: "" }],
  ["ChatMessage", ChatMessage, { content: "", role: "" }],
  ["RemoveMessage", RemoveMessage, { id: "" }],
  ["HumanMessageChunk", HumanMessageChunk, { content: "" }],
  ["AIMessageChunk", AIMessageChunk, { content: "" }],
  ["SystemMessageChunk", SystemMessageChunk, { content: "" }],
  ["ToolMessageChunk", ToolMessageChunk, { content: "", tool_call_id: "" }],
  ["FunctionMessageChunk", FunctionMessageChunk, { content: "", name: "" }],
  ["ChatMessageChunk", ChatMessageChunk, { content: "", role: "" }],
];

const VALUES: readonly [name: string, ValueClass][] = [
  ["Document", Document as unknown as ValueClass],
  ["Send", Send as unknown as ValueClass],
  ["Command", Command as unknown as ValueClass],
  ["Overwrite", Overwrite as unknown as ValueClass],
  ["DeltaSnapshot", DeltaSnapshot as unknown as ValueClass],
];

/** The first fields of every message. */
const BASE_FIELDS =
  "lc_serializable lc_kwargs lc_namespace id name content additional_kwargs response_metadata";

/**
 * Messages are made by the thousand. An object whose first fields come from a constructor lies in
 * memory in one piece; filled key by key from nothing, it is spread over several.
 */
function blankOf(own: readonly string[], prototype: object): () => object {
  if (own.slice(0, 8).join(" ") !== BASE_FIELDS) return () => Object.create(prototype) as object;
  function Blank(this: Record<string, unknown>): void {
    this.lc_serializable = true;
    this.lc_kwargs = undefined;
    this.lc_namespace = undefined;
    this.id = undefined;
    this.name = undefined;
    this.content = undefined;
    this.additional_kwargs = undefined;
    this.response_metadata = undefined;
  }
  Blank.prototype = prototype;
  return () => new (Blank as unknown as new () => object)();
}

function layout(name: string, Class: ValueClass, given: Record<string, unknown>): MessageClass {
  const template = new Class({ ...given }) as Record<string, unknown>;
  const own = Object.keys(template);
  const fields = own.filter((key) => key !== "lc_kwargs");
  return {
    name,
    prototype: Class.prototype as object,
    fields,
    layout: own,
    defaults: own.map((key) => template[key]),
    symbols: Object.getOwnPropertySymbols(template).map(
      (symbol) => [symbol, (template as Record<symbol, unknown>)[symbol]] as const,
    ),
    blank: blankOf(own, Class.prototype as object),
    kwargsTail: Object.keys(template.lc_kwargs as object).filter((key) => !(key in given)),
  };
}

/**
 * The classes whose instances may be stored and are revived: LangChain's messages and `Document`,
 * LangGraph's `Send`, `Command`, `Overwrite` and `DeltaSnapshot`, and those the user adds.
 */
export class ClassRegistry {
  readonly #messages = new Map<object, MessageClass>();
  readonly #messagesByName = new Map<string, MessageClass>();
  readonly #values = new Map<object, PlainClass>();
  readonly #valuesByName = new Map<string, PlainClass>();

  constructor(userClasses: readonly ValueClass[] = []) {
    for (const [name, Class, given] of MESSAGES) {
      const message = layout(name, Class, given);
      this.#messages.set(message.prototype, message);
      this.#messagesByName.set(message.name, message);
    }
    for (const [name, Class] of VALUES) this.#add(name, Class.prototype as object);
    for (const Class of userClasses) this.#addUserClass(Class);
  }

  #add(name: string, prototype: object): void {
    const plain = { name, prototype };
    this.#values.set(prototype, plain);
    this.#valuesByName.set(name, plain);
  }

  #addUserClass(Class: ValueClass): void {
    if (typeof Class !== "function" || !Class.name || !Class.prototype) {
      throw new StorageError("INVALID_ARGUMENT", "classes", "a class needs a name and a prototype");
    }
    const taken = this.#valuesByName.get(Class.name);
    if (taken !== undefined && taken.prototype !== Class.prototype) {
      throw new StorageError(
        "INVALID_ARGUMENT",
        "classes",
        `two classes are named ${JSON.stringify(Class.name)}`,
      );
    }
    this.#add(Class.name, Class.prototype as object);
  }

  messageOf(value: object): MessageClass | undefined {
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype === null) return undefined;
    return this.#messages.get(prototype) ?? this.#adopt(value, prototype);
  }

  /** A message of a second copy of `@langchain/core` is stored as one of ours. */
  #adopt(value: object, prototype: object): MessageClass | undefined {
    if (!(MESSAGE in value) || !Object.hasOwn(prototype, "constructor")) return undefined;
    const { name } = prototype.constructor as { name: string };
    const message = this.#messagesByName.get(name);
    const base = Object.getPrototypeOf(prototype) as object;
    // A subclass that a user made of AIMessage is not AIMessage, even under its name.
    if (message === undefined || this.#messages.has(base)) return undefined;
    this.#messages.set(prototype, message);
    return message;
  }

  valueOf(value: object): PlainClass | undefined {
    const prototype = Object.getPrototypeOf(value) as object;
    return this.#values.get(prototype) ?? this.#adoptValue(value, prototype);
  }

  /** A `Send`, `Command`, … of a second copy of LangGraph, which marks them with their names. */
  #adoptValue(value: object, prototype: object): PlainClass | undefined {
    const { lg_name: name } = value as { lg_name?: unknown };
    if (typeof name !== "string" || !Object.hasOwn(prototype, "constructor")) return undefined;
    if ((prototype.constructor as { name: string }).name !== name) return undefined;
    if (!VALUES.some(([known]) => known === name)) return undefined;
    const plain = this.#valuesByName.get(name) as PlainClass;
    this.#values.set(prototype, plain);
    return plain;
  }

  messageNamed(name: string): MessageClass | undefined {
    return this.#messagesByName.get(name);
  }

  valueNamed(name: string): PlainClass | undefined {
    return this.#valuesByName.get(name);
  }

  /** Whether both prototypes belong to one message class. */
  isMessage(value: object, message: MessageClass): boolean {
    const prototype = Object.getPrototypeOf(value) as object;
    return prototype === message.prototype || this.#messages.get(prototype) === message;
  }
}
