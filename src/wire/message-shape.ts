import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/** How a value is laid down on the wire: what says where it ends. */
export const WireType = { Varint: 0, Bit64: 1, Length: 2, StartGroup: 3, EndGroup: 4, Bit32: 5 } as const;

/** A message type as far as its layout goes. */
export interface MessageShape {
  /** By field number. */
  readonly fields: readonly (FieldShape | undefined)[];
  /** Entries of maps are messages on the wire and none for a decoder, so they do not count as nesting. */
  readonly isMapEntry: boolean;
}

/** A field as far as its layout goes. */
export interface FieldShape {
  /** Of one value of it. */
  readonly wireType: number;
  /** A list of numbers, which may also come as one value of type `Length`. */
  readonly isPackable: boolean;
  /** The type of what is in it, where that is a message. */
  readonly message: MessageShape | undefined;
}

/** Those made so far. */
export const shapes = new WeakMap<DescMessage, MessageShape>();

/** The shape of a message type and of all that it holds; made once. */
export function shapeOf(schema: DescMessage): MessageShape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const fields: (FieldShape | undefined)[] = [];
  const shape: MessageShape = { fields, isMapEntry: false };
  // Before its fields, which may be of the same type.
  shapes.set(schema, shape);
  const last = Math.max(0, ...schema.fields.map(({ number }) => number));
  for (let number = 0; number <= last; number++) fields.push(undefined);
  for (const field of schema.fields) fields[field.number] = fieldShape(field);
  return shape;
}

function fieldShape(field: DescField): FieldShape {
  // Of a list or a map, what is in it; an enum is laid down as an int32 is.
  const element = field.message ? holding(shapeOf(field.message)) : value(field.scalar ?? ScalarType.INT32);
  if (field.fieldKind === "map") {
    return holding({ fields: [undefined, value(field.mapKey), element], isMapEntry: true });
  }
  return { ...element, isPackable: field.fieldKind === "list" && element.wireType !== WireType.Length };
}

function holding(message: MessageShape): FieldShape {
  return { wireType: WireType.Length, isPackable: false, message };
}

function value(type: ScalarType): FieldShape {
  return { wireType: wireTypeOf(type), isPackable: false, message: undefined };
}

function wireTypeOf(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.Length;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.BOOL:
    case ScalarType.INT32:
    case ScalarType.INT64:
    case ScalarType.SINT32:
    case ScalarType.SINT64:
    case ScalarType.UINT32:
    case ScalarType.UINT64:
      return WireType.Varint;
    default:
      return type satisfies never;
  }
}
